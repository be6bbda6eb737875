// All that is known of the chosen request: what, who, its steps, its files, its bytes; and what a
// hand can do to it while it waits.
#pragma once

#include "app/run/workspace.h"
#include "app/style/frame_gate.h"

#include <QWidget>
#include <optional>

class QLabel;
class QPushButton;
class QStackedWidget;
class QTableWidget;

namespace coldscope::app {

class HexView;
class PhasesBar;

class RequestDetail final : public QWidget {
    Q_OBJECT

public:
    explicit RequestDetail(Workspace& workspace, QWidget* parent = nullptr);

    [[nodiscard]] std::optional<Row> row() const { return row_; }
    [[nodiscard]] HexView& hex() { return *hex_; }
    // Looks at the selection and the request now instead of in the next frame.
    void refresh_now();

protected:
    void changeEvent(QEvent* event) override;

private:
    QWidget* make_facts();
    QWidget* make_acts();
    void refresh();
    void show_request();
    void show_steps();
    void show_acts();
    void show_bytes();
    [[nodiscard]] QString what_text() const;
    [[nodiscard]] QString who_text() const;
    // The file that EROFS was reading for it, and what the thread waits for: what is known.
    [[nodiscard]] QString reading_text() const; // with links
    void ask_waiting();
    void hear_waiting(std::uint32_t thread, const QString& text);
    [[nodiscard]] QString state_text() const;
    [[nodiscard]] QString flags_text() const;
    [[nodiscard]] QString result_text() const;
    [[nodiscard]] QString files_text() const; // with links

    Workspace& workspace_;
    std::optional<Row> row_;
    std::optional<Row> bytes_of_;   // that the hex view shows
    bool ended_ = false;            // shown as it ended: nothing changes any more
    std::optional<Row> waiting_of_; // that the guard was asked about
    Nanoseconds waiting_asked_ = 0; // when
    QString waiting_;               // its last answer

    QStackedWidget* pages_;
    QLabel* empty_;
    QLabel* title_;
    QLabel* badge_;
    QLabel* what_;
    QLabel* who_;
    QLabel* reading_;
    QLabel* state_mark_;
    QLabel* state_;
    PhasesBar* phases_;
    QTableWidget* steps_;
    QLabel* flags_;
    QLabel* result_;
    QLabel* files_ = nullptr; // made last
    QWidget* acts_;
    QPushButton* release_;
    QPushButton* delay_;
    QPushButton* fail_;
    QLabel* consequence_;
    HexView* hex_;
    QLabel* caption_;
    FrameGate gate_;
};

} // namespace coldscope::app
