#include "app/views/main_window.h"

#include "app/run/demo.h"
#include "app/run/disk_watch.h"
#include "app/run/root_panel.h"
#include "app/style/marks.h"
#include "app/views/dock_sizes.h"
#include "app/views/file_dialogs.h"
#include "app/views/help.h"
#include "app/views/message_bar.h"
#include "app/views/start_dialog.h"
#include "app/views/status_line.h"
#include "app/views/welcome.h"
#include "app/views/window_actions.h"

#include <QAction>
#include <QCloseEvent>
#include <QFileInfo>
#include <QMenu>
#include <QMimeData>
#include <QScreen>
#include <QSettings>
#include <QStatusBar>
#include <QTimer>
#include <QToolBar>
#include <QVBoxLayout>

namespace coldscope::app {

namespace {

constexpr QSize first_size(1440, 900);

MessageBar::Weight weight_of(Notice notice) {
    switch (notice) {
    case Notice::guarded_again:
    case Notice::cache_writable_again:
        return MessageBar::Weight::information;
    default:
        return MessageBar::Weight::warning;
    }
}

} // namespace

MainWindow::MainWindow(Workspace& workspace, Launcher& launcher, QWidget* parent)
    : QMainWindow(parent), workspace_(workspace), launcher_(launcher) {
    setObjectName(QStringLiteral("main"));
    setWindowIcon(icon("coldscope"));
    setAcceptDrops(true);
    setDockNestingEnabled(true);
    setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    resize(first_size.boundedTo(screen()->availableSize()));

    welcome_ = new Welcome(this);
    setCentralWidget(welcome_);
    actions_ = new WindowActions(workspace_, launcher_, *this);
    root_panel_ = new RootPanel(workspace_.host().asker(), this);
    root_bar_ = add_wide_bar(*root_panel_, QStringLiteral("root"), tr("Root's rights"));
    connect(root_panel_, &RootPanel::shown, this, &MainWindow::show_wide_bars);
    messages_ = new MessageBar(this);
    messages_bar_ = add_wide_bar(*messages_, QStringLiteral("messages"), tr("Messages"));
    connect(messages_, &MessageBar::shown, this, &MainWindow::show_wide_bars);
    figures_ = new StatusLine(workspace_, this);
    statusBar()->addPermanentWidget(figures_, 1);
    disk_ = new DiskWatch(workspace_, this);
    actions_->docks_menu->setEnabled(false);
    for (QAction* action :
         {actions_->reset_layout, actions_->copy, actions_->find_file, actions_->filter})
        action->setEnabled(false);
    connect_all();
    connect_comparing();
    // Behind the window, which makes its views when an image was opened: they are there when the
    // run begins.
    attacher_ = std::make_unique<Attacher>(workspace_);
    connect_attaching();
    restoreGeometry(QSettings().value(QStringLiteral("window/geometry")).toByteArray());
    show_title();
}

MainWindow::~MainWindow() = default;

QToolBar* MainWindow::add_wide_bar(QWidget& widget, const QString& name, const QString& title) {
    addToolBarBreak();
    QToolBar* bar = addToolBar(title);
    bar->setObjectName(name);
    bar->setMovable(false);
    bar->toggleViewAction()->setVisible(false); // in no menu: it comes and goes by itself
    bar->addWidget(&widget);
    bar->hide();
    return bar;
}

void MainWindow::show_wide_bars() {
    const auto show = [this](QToolBar* bar, bool any) {
        if (bar->isHidden() != any)
            return;
        if (sizes_ != nullptr)
            sizes_->room_changes();
        bar->setVisible(any);
    };
    show(root_bar_, workspace_.host().asker().open());
    show(messages_bar_, !messages_->text().isEmpty());
}

void MainWindow::connect_all() {
    const auto tell = [this](MessageBar::Weight weight) {
        return [this, weight](const QString& title, const QString& text) {
            messages_->show_message(weight, title, text);
        };
    };
    connect(&workspace_, &Workspace::failed, this, tell(MessageBar::Weight::error));
    connect(disk_, &DiskWatch::changed, this, tell(MessageBar::Weight::warning));
    // The shell's codes for what is not there or can't be executed.
    connect(&workspace_.workload(), &Workload::ended, this, [this](int exit_code) {
        if (exit_code != 126 && exit_code != 127)
            return;
        Q_EMIT workspace_.failed(
            tr("The program did not start: %1").arg(workspace_.workload().command().join(u' ')),
            tr("It is started in the mount, so name it by its whole path or by "
               "one in the image. What was printed is under Output."));
    });
    connect(&workspace_.host(), &RunHost::noticed, this, [this](Notice notice, RequestId request) {
        const std::string_view what = describe(notice);
        QString title = QString::fromUtf8(what.data(), static_cast<qsizetype>(what.size()));
        if (!title.isEmpty())
            title[0] = title[0].toUpper();
        messages_->show_message(weight_of(notice), title,
                                request != 0 ? tr("Request %1").arg(request) : QString());
    });
    connect(&workspace_, &Workspace::image_changed, this, [this] {
        if (workspace_.image() && workspace_.host().attachment() == nullptr) {
            if (const QString path = QString::fromStdString(workspace_.image()->path);
                path != demo_image())
                Welcome::add_recent(path);
            fill_recent();
        }
        if (workspace_.shown()) // what can't be opened leaves the first page
            show_docks();
        show_title();
    });
    connect(&workspace_.host(), &RunHost::phase_changed, this, [this] {
        show_title();
        const RunHost::Phase phase = workspace_.host().phase();
        if (phase == RunHost::Phase::starting)
            make_all_views(); // before there are requests
        if (closing_ && (phase == RunHost::Phase::ended || phase == RunHost::Phase::none))
            close();
    });
    auto* title_timer = new QTimer(this);
    title_timer->setInterval(500);
    connect(title_timer, &QTimer::timeout, this, &MainWindow::show_title);
    title_timer->start();

    connect(welcome_, &Welcome::open_wanted, actions_->open, &QAction::trigger);
    connect(welcome_, &Welcome::start_wanted, actions_->start, &QAction::trigger);
    connect(welcome_, &Welcome::attach_wanted, actions_->attach, &QAction::trigger);
    connect(welcome_, &Welcome::demo_wanted, actions_->demo, &QAction::trigger);
    connect(welcome_, &Welcome::image_wanted, this,
            [this](const QString& path) { open_image(path); });
    connect(actions_->open, &QAction::triggered, this, [this] {
        const QString beside =
            workspace_.image() ? QString::fromStdString(workspace_.image()->path) : QString();
        if (const QString path = choose_file(this, workspace_, tr("Open an image"), beside);
            !path.isEmpty())
            open_image(path);
    });
    connect(actions_->start, &QAction::triggered, this, &MainWindow::ask_and_start);
    connect(actions_->attach, &QAction::triggered, this, &MainWindow::ask_and_attach);
    connect(actions_->demo, &QAction::triggered, this, [this] { run_demo(); });
    connect(actions_->quit, &QAction::triggered, this, &QWidget::close);
    connect(actions_->full_screen, &QAction::toggled, this,
            [this](bool on) { on ? showFullScreen() : showNormal(); });
    connect(actions_->reset_layout, &QAction::triggered, this, &MainWindow::lay_out);
    connect(actions_->keys, &QAction::triggered, this, [this] { show_keys_and_marks(this); });
    connect(actions_->about, &QAction::triggered, this, [this] { app::show_about(this); });
    fill_recent();
}

void MainWindow::fill_recent() {
    actions_->recent_menu->clear();
    for (const QString& path : Welcome::recent())
        actions_->recent_menu->addAction(path, [this, path] { open_image(path); });
    actions_->recent_menu->menuAction()->setVisible(!actions_->recent_menu->isEmpty());
}

bool MainWindow::run_is_on() {
    const RunHost::Phase phase = workspace_.host().phase();
    const bool on = phase != RunHost::Phase::none && phase != RunHost::Phase::ended;
    if (on)
        messages_->show_message(MessageBar::Weight::information, tr("A run is on"),
                                tr("Stop it, or detach from it, before something else is shown."));
    return on;
}

void MainWindow::open_image(const QString& path, const QStringList& devices) {
    if (run_is_on())
        return;
    if (in_own_mount(workspace_, path))
        return;
    workspace_.open(QFileInfo(path).absoluteFilePath(), devices);
}

void MainWindow::ask_and_start() {
    const std::optional<Choice>& last = launcher_.last();
    Choice choice = last && last->image != demo_image() ? *last : Choice::saved();
    if (workspace_.image() && choice.image != QString::fromStdString(workspace_.image()->path)) {
        choice.image = QString::fromStdString(workspace_.image()->path);
        choice.devices.clear();
        for (const std::string& blob : workspace_.image()->device_paths)
            choice.devices << QString::fromStdString(blob);
    }
    choice.steering.clear();
    StartDialog dialog(workspace_, choice, this);
    if (dialog.exec() == QDialog::Accepted)
        start_run(dialog.choice());
}

void MainWindow::start_run(const Choice& choice) {
    choice.save();
    launcher_.start(choice);
}

void MainWindow::run_demo(const QStringList& steering) {
    if (run_is_on())
        return;
    Choice choice = demo_choice(offers());
    if (choice.image.isEmpty()) {
        Q_EMIT workspace_.failed(tr("The demo can't be run"),
                                 tr("Its image is missing: this Coldscope was installed in part."));
        return;
    }
    choice.steering = steering;
    const QString then = choice.command.isEmpty() ? tr("its requests fail.") // nobody has an output
                                                  : tr("Output shows what its reader gets.");
    messages_->show_message(
        MessageBar::Weight::information, tr("The demo"),
        tr("Try this: right-click a file under Image, then Requests of this file, Fail all. "
           "Right-click it again and read it now: %1")
            .arg(then));
    launcher_.start(choice); // what fails takes the hint's place
}

void MainWindow::show_title() {
    QString title = tr("Coldscope");
    if (workspace_.shown())
        title = QFileInfo(QString::fromStdString(workspace_.shown()->path)).fileName() +
                QStringLiteral(" — ") + title;
    else if (const Attachment* attachment = workspace_.host().attachment();
             attachment != nullptr && !workspace_.host().has_image())
        title = tr("%1 at %2").arg(workspace_.host().transport_name(), attachment->where()) +
                QStringLiteral(" — ") + title;
    if (const QString held = StatusLine::held_text(workspace_); !held.isEmpty())
        title = held + QStringLiteral(" — ") + title;
    if (windowTitle() != title)
        setWindowTitle(title);
}

// The run ends beside the main thread; the window goes when it has.
void MainWindow::closeEvent(QCloseEvent* event) {
    workspace_.host().detach(); // that run goes on
    const RunHost::Phase phase = workspace_.host().phase();
    if (phase == RunHost::Phase::none || phase == RunHost::Phase::ended) {
        save_layout();
        event->accept();
        return;
    }
    closing_ = true;
    statusBar()->showMessage(tr("Letting go and unmounting…"));
    launcher_.stop();
    event->ignore();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    const QList<QUrl> urls = event->mimeData()->urls();
    if (!urls.isEmpty() && urls.first().isLocalFile())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    const QList<QUrl> urls = event->mimeData()->urls();
    if (urls.isEmpty())
        return;
    QStringList devices;
    for (const QUrl& url : urls.mid(1))
        devices << url.toLocalFile();
    open_image(urls.first().toLocalFile(), devices);
}

} // namespace coldscope::app
