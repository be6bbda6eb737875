// The window, attached to a run of coldscoped.
#include "app/views/attach_dialog.h"
#include "app/views/main_window.h"
#include "app/views/message_bar.h"

#include <utility>

namespace coldscope::app {

void MainWindow::connect_attaching() {
    RunHost& host = workspace_.host();
    connect(&host, &RunHost::greeted, this, &MainWindow::show_docks);
    connect(attacher_.get(), &Attacher::without_image, this, [this](const QString& why) {
        messages_->show_message(MessageBar::Weight::warning,
                                tr("Attached without the run's image: no files and maps"), why);
    });
    connect(
        &host, &RunHost::link_lost, this, [this](const QString& why, const QStringList& undone) {
            QString text =
                tr("%1. It is tried again every second. What is held there stays held for "
                   "the run's hold grace, and is released then.")
                    .arg(why);
            if (!undone.isEmpty())
                text += tr(" Perhaps not done: %1.").arg(undone.join(QStringLiteral("; ")));
            messages_->show_message(
                MessageBar::Weight::warning,
                tr("The link to %1 is lost").arg(workspace_.host().attachment()->where()), text);
            unlinked_ = true;
        });
    connect(&host, &RunHost::link_changed, this, [this] {
        const Attachment* attachment = workspace_.host().attachment();
        if (std::exchange(unlinked_, unlinked_ && attachment && !attachment->linked()) &&
            attachment != nullptr && attachment->linked())
            messages_->show_message(MessageBar::Weight::information,
                                    tr("Attached to %1 again").arg(attachment->where()));
    });
}

void MainWindow::ask_and_attach() {
    AttachDialog dialog(workspace_, this);
    if (dialog.exec() == QDialog::Accepted)
        attach(dialog.where(), dialog.copy());
}

void MainWindow::attach(const QString& where, const QString& copy) {
    if (!run_is_on())
        attacher_->attach(where, copy);
}

} // namespace coldscope::app
