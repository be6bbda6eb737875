// What an empty window says: what can be done here, and which transports work on this machine.
#pragma once

#include <QWidget>

class QLabel;
class QVBoxLayout;

namespace coldscope::app {

class Welcome final : public QWidget {
    Q_OBJECT

public:
    explicit Welcome(QWidget* parent = nullptr);

    [[nodiscard]] static QStringList recent(); // images, newest first
    static void add_recent(const QString& image);

Q_SIGNALS:
    void open_wanted();
    void image_wanted(const QString& path);
    void demo_wanted();
    void start_wanted();
    void attach_wanted();

protected:
    void showEvent(QShowEvent* event) override;

private:
    void fill();
    void fill_transports();
    QVBoxLayout* acts_;
    QVBoxLayout* recent_;
    QVBoxLayout* transports_;
};

} // namespace coldscope::app
