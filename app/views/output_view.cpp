#include "app/views/output_view.h"

#include "app/style/text.h"

#include <QFontDatabase>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QProcess>
#include <QPushButton>
#include <QVBoxLayout>

namespace coldscope::app {

namespace {
constexpr int most_lines = 10'000;
}

OutputView::OutputView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace) {
    command_ = new QLineEdit(this);
    command_->setPlaceholderText(tr("A program to start in the mount, as: grep -r needle ."));
    command_->setAccessibleName(tr("Program to start in the mount"));
    command_->setClearButtonEnabled(true);
    start_ = new QPushButton(tr("Start in the mount"), this);
    end_ = new QPushButton(tr("End it"), this);
    state_ = new QLabel(this);
    text_ = new QPlainTextEdit(this);
    text_->setReadOnly(true);
    text_->setMaximumBlockCount(most_lines);
    text_->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    text_->setPlaceholderText(tr("What programs in the mount print is shown here."));
    text_->setAccessibleName(tr("Output of the program in the mount"));
    auto* row = new QHBoxLayout;
    row->addWidget(command_, 1);
    row->addWidget(start_);
    row->addWidget(end_);
    row->addWidget(state_);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(6, 6, 6, 6);
    column->addLayout(row);
    column->addWidget(text_);
    setFocusProxy(command_);

    connect(command_, &QLineEdit::returnPressed, this, &OutputView::run_command);
    connect(start_, &QPushButton::clicked, this, &OutputView::run_command);
    connect(end_, &QPushButton::clicked, &workspace_.workload(), &Workload::end);
    connect(&workspace_, &Workspace::printed, this, [this](const QByteArray& bytes) {
        text_->moveCursor(QTextCursor::End);
        text_->insertPlainText(QString::fromUtf8(bytes));
        text_->moveCursor(QTextCursor::End);
    });
    connect(&workspace_.workload(), &Workload::started, this, [this] {
        exit_code_ = -1;
        const QStringList words = workspace_.workload().command();
        text_->moveCursor(QTextCursor::End);
        text_->insertPlainText(QStringLiteral("$ %1\n").arg(words.join(u' ')));
        look();
    });
    connect(&workspace_.workload(), &Workload::ended, this, [this](int exit_code) {
        exit_code_ = exit_code;
        look();
    });
    connect(&workspace_.host(), &RunHost::phase_changed, this, &OutputView::look);
    look();
}

void OutputView::look() {
    const RunHost& host = workspace_.host();
    const bool attached = host.attachment() != nullptr;
    const bool possible = host.live() && !host.simulated() && !attached;
    const bool running = workspace_.workload().running();
    command_->setEnabled(possible && !running);
    start_->setEnabled(possible && !running);
    end_->setEnabled(running);
    state_->setText(running                   ? tr("running")
                    : exit_code_ == 0         ? tr("ended well")
                    : exit_code_ > 0          ? tr("ended with code %1").arg(exit_code_)
                    : host.live() && attached ? tr("attached: start programs where the mount is")
                    : host.live() && host.simulated() ? tr("SIMULATED: nothing is mounted")
                                                      : QString());
}

void OutputView::run_command() {
    const QStringList words = QProcess::splitCommand(command_->text());
    if (words.isEmpty())
        return;
    const auto started = workspace_.workload().start(
        words, QString::fromStdString(workspace_.host().options().mount_point));
    if (!started)
        Q_EMIT workspace_.failed(tr("The program did not start"), error_text(started.error()));
}

} // namespace coldscope::app
