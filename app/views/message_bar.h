// What happened that a person must know, above the views, until it is closed: errors with the next
// step, notices of a run. The window stays usable beneath it.
#pragma once

#include <QFrame>
#include <QString>
#include <vector>

class QLabel;
class QToolButton;

namespace coldscope::app {

class MessageBar final : public QFrame {
    Q_OBJECT

public:
    enum class Weight { information, warning, error };

    explicit MessageBar(QWidget* parent = nullptr);
    // The newest is shown; those before it come back when it is closed. The same one twice in a
    // row is counted, not repeated.
    void show_message(Weight weight, const QString& title, const QString& text = {});
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QString text() const; // of the one that is shown; empty when none is

public Q_SLOTS:
    void close_message();

Q_SIGNALS:
    void shown(bool any);

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    struct Message {
        Weight weight;
        QString title;
        QString text;
        int times = 1;
    };
    static constexpr std::size_t most = 50;
    void show_last();
    void show_picture(); // in the theme's colours

    std::vector<Message> messages_;
    QLabel* picture_;
    QLabel* label_;
    QLabel* more_;
    QToolButton* copy_;
    QToolButton* close_;
};

} // namespace coldscope::app
