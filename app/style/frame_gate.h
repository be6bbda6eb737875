// Does a view's work at most once a frame, and only while the view is shown.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>
#include <functional>

class QWidget;

namespace coldscope::app {

class FrameGate final : public QObject {
    Q_OBJECT

public:
    // view: also the parent. Work that costs more than its share of a frame is done less often.
    FrameGate(QWidget* view, std::function<void()> work);

    // The work is due: done within a frame, or when the view is shown.
    void ask();
    // Does what is due now, shown or not.
    void flush();
    [[nodiscard]] bool due() const { return due_; }

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void work_if_shown();

    QWidget* view_;
    std::function<void()> work_;
    QTimer timer_;
    bool due_ = false;
};

} // namespace coldscope::app
