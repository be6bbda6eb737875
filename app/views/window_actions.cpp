#include "app/views/window_actions.h"

#include "app/steer/steering.h"
#include "app/style/marks.h"
#include "app/style/text.h"
#include "app/style/theme.h"

#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QKeyEvent>
#include <QLabel>
#include <QMainWindow>
#include <QMenu>
#include <QMenuBar>
#include <QToolBar>
#include <cerrno>

namespace coldscope::app {

namespace {

// As Ctrl+C does there: by the action that a view has for it, else by the key.
void copy_from(QWidget* focus) {
    for (QWidget* widget = focus; widget != nullptr; widget = widget->parentWidget()) {
        for (QAction* action : widget->actions()) {
            if (action->shortcut() == QKeySequence(QKeySequence::Copy)) {
                action->trigger();
                return;
            }
        }
    }
    if (focus == nullptr)
        return;
    QKeyEvent press(QEvent::KeyPress, Qt::Key_C, Qt::ControlModifier);
    QApplication::sendEvent(focus, &press);
}

QString hint_of(const QAction& action) {
    const QKeySequence key = action.shortcut();
    return key.isEmpty() ? action.statusTip()
                         : QStringLiteral("%1 (%2)").arg(action.statusTip(),
                                                         key.toString(QKeySequence::NativeText));
}

} // namespace

WindowActions::WindowActions(Workspace& workspace, Launcher& launcher, QMainWindow& window)
    : QObject(&window), workspace_(workspace), launcher_(launcher), window_(window) {
    open = add("document-open", tr("&Open image…"), QKeySequence::Open,
               tr("Open an EROFS image to look into it"));
    compare = add("compare", tr("&Compare with…"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_O),
                  tr("What another image has that this one lacks: files, and bytes to fetch"));
    attach = add("attach", tr("&Attach…"), QKeySequence(Qt::CTRL | Qt::Key_T),
                 tr("Watch and steer a run of coldscoped, here or on another machine"));
    detach = add("", tr("&Detach"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_T),
                 tr("The run goes on without this window; what it holds is released soon"));
    start = add("media-playback-start", tr("&Start…"), Qt::Key_F5,
                tr("Mount the image on demand and watch each miss"));
    again = add("media-playback-start", tr("Start &again"), QKeySequence(Qt::CTRL | Qt::Key_F5),
                tr("Start the last run again, with the same choices"));
    stop = add("media-playback-stop", tr("S&top"), QKeySequence(Qt::SHIFT | Qt::Key_F5),
               tr("Let go what is held, unmount, end the run"));
    hold_next = add("hold-next", tr("&Hold next"), QKeySequence(Qt::CTRL | Qt::Key_H),
                    tr("The next miss waits: its reader sleeps until you let it go"));
    hold_all =
        add("media-playback-pause", tr("Hold a&ll"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_H),
            tr("Every later miss waits until you let it go"));
    release_all =
        add("release-all", tr("&Release all"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_R),
            tr("Everything that is held goes on, and holding ends"));
    release = add("release", tr("Re&lease"), QKeySequence(Qt::CTRL | Qt::Key_R),
                  tr("The chosen request goes on, or the one that waits longest"));
    delay = add("delay", tr("&Delay…"), QKeySequence(Qt::CTRL | Qt::Key_D),
                tr("The chosen request, or the one that waits longest, goes on after a while"));
    fail = add("fail", tr("&Fail…"), QKeySequence(Qt::CTRL | Qt::Key_E),
               tr("The reader of the chosen request, or of the one that waits longest, gets an "
                  "error"));
    clear_rules = add("list-remove", tr("&Clear all rules"), {},
                      tr("No rule holds, delays or fails any more; what is held stays held"));
    prefetch_all = add("go-down", tr("&Prefetch everything"), {},
                       tr("What is not local is fetched while no reader waits"));
    prefetch_stop = add("", tr("Stop prefetc&hing"), {}, tr("What is on its way still comes"));
    copy = add("edit-copy", tr("&Copy\tCtrl+C"), {}, tr("The chosen row, range or text (Ctrl+C)"));
    find_file = add("edit-find", tr("&Find file"), QKeySequence::Find,
                    tr("A file of the image, by a part of its path"));
    filter = add("", tr("Filter &requests"), QKeySequence(Qt::CTRL | Qt::Key_L),
                 tr("The table's requests, by words, file, process or result"));
    back = add("go-previous", tr("&Back"), QKeySequence(Qt::ALT | Qt::Key_Left),
               tr("What was chosen and seen before"));
    forward = add("go-next", tr("&Forward"), QKeySequence(Qt::ALT | Qt::Key_Right),
                  tr("What was chosen and seen after that"));
    reset_layout = add("", tr("&Reset layout"), {}, tr("All views where they were at first"));
    full_screen = add("", tr("F&ull screen"), Qt::Key_F11, tr("Nothing but the window"));
    full_screen->setCheckable(true);
    quit = add("", tr("&Quit"), QKeySequence::Quit, tr("End the run and close"));
    demo = add("coldscope", tr("&Run the demo"), {},
               tr("A small image of Coldscope's own sources, and a program that reads from it"));
    keys =
        add("", tr("&Keys and marks"), QKeySequence::HelpContents, tr("What keys and marks mean"));
    about = add("", tr("&About Coldscope"), {}, tr("Version and licence"));
    connect_steering();
    fill_menus();
    fill_toolbar();
    const RunHost& host = workspace_.host();
    for (const auto signal : {&RunHost::phase_changed, &RunHost::ticked, &RunHost::rules_changed,
                              &RunHost::link_changed})
        connect(&host, signal, this, &WindowActions::look);
    connect(&host, &RunHost::noticed, this, &WindowActions::look);
    connect(&workspace_.selection(), &Selection::changed, this, &WindowActions::look);
    connect(&workspace_, &Workspace::image_changed, this, &WindowActions::look);
    connect(&workspace_, &Workspace::opening_changed, this, &WindowActions::look);
    look();
}

QAction* WindowActions::add(const char* picture, const QString& text, const QKeySequence& key,
                            const QString& what) {
    auto* action = new QAction(text, &window_);
    if (*picture != '\0')
        action->setIcon(icon(picture));
    action->setShortcut(key);
    action->setStatusTip(what);
    action->setToolTip(hint_of(*action));
    window_.addAction(action);
    return action;
}

void WindowActions::connect_steering() {
    connect(hold_next, &QAction::triggered, this,
            [this] { steer(workspace_, QStringLiteral("hold next")); });
    // Pressed again, holding ends; what waits goes on waiting.
    connect(hold_all, &QAction::triggered, this, [this] {
        for (const Run::RuleText& rule : workspace_.host().rules()) {
            if (rule.text == "hold all") {
                steer(workspace_, QStringLiteral("clear %1").arg(rule.id));
                return;
            }
        }
        steer(workspace_, QStringLiteral("hold all"));
    });
    hold_all->setCheckable(true);
    connect(release_all, &QAction::triggered, this, [this] { workspace_.host().release_all(); });
    connect(release, &QAction::triggered, this, [this] { app::release(workspace_, meant()); });
    connect(delay, &QAction::triggered, this, [this] {
        const std::vector<Row> rows = meant();
        if (const auto time = ask_delay(&window_))
            app::delay(workspace_, rows, *time);
    });
    connect(fail, &QAction::triggered, this, [this] {
        const std::vector<Row> rows = meant();
        if (const auto failing = ask_failing(&window_, workspace_, rows))
            app::fail(workspace_, rows, *failing);
    });
    connect(clear_rules, &QAction::triggered, this,
            [this] { steer(workspace_, QStringLiteral("clear")); });
    connect(prefetch_all, &QAction::triggered, this,
            [this] { steer(workspace_, QStringLiteral("prefetch all")); });
    connect(prefetch_stop, &QAction::triggered, this,
            [this] { steer(workspace_, QStringLiteral("prefetch stop")); });
    connect(&workspace_.host(), &RunHost::began, this,
            [this] { check_amplify(workspace_.host().options().amplify); });
    connect(copy, &QAction::triggered, this, [] { copy_from(QApplication::focusWidget()); });
    connect(back, &QAction::triggered, &workspace_.selection(), &Selection::back);
    connect(forward, &QAction::triggered, &workspace_.selection(), &Selection::forward);
    connect(detach, &QAction::triggered, &workspace_.host(), &RunHost::detach);
    connect(stop, &QAction::triggered, this, [this] { launcher_.stop(); });
    connect(again, &QAction::triggered, this, [this] {
        if (launcher_.last())
            launcher_.start(Choice(*launcher_.last()));
    });
}

std::vector<Row> WindowActions::meant() const {
    const std::vector<Row> waiting = workspace_.host().waiting();
    if (waiting.empty())
        return {};
    if (const auto chosen = workspace_.selection().current().request;
        chosen && std::ranges::find(waiting, *chosen) != waiting.end())
        return {*chosen};
    return {waiting.front()};
}

void WindowActions::look() {
    const RunHost& host = workspace_.host();
    const RunHost::Phase phase = host.phase();
    const bool attached = host.attachment() != nullptr;
    const bool live = host.live();
    const bool steers = live && (!attached || host.attachment()->linked());
    const bool idle = phase == RunHost::Phase::none || phase == RunHost::Phase::ended;
    const bool reading = workspace_.opening();
    start->setEnabled(idle && !reading);
    again->setEnabled(idle && !reading && launcher_.last().has_value());
    stop->setEnabled(live || phase == RunHost::Phase::starting);
    open->setEnabled(idle);
    attach->setEnabled(idle && !reading);
    demo->setEnabled(idle && !reading);
    detach->setEnabled(attached);
    // An attached run's image is read over its link, by one thread.
    compare->setEnabled(workspace_.image() && !attached && !reading);
    for (QAction* action : {start, again, compare})
        action->setToolTip(reading ? tr("The image is still being read") : hint_of(*action));
    recent_menu->setEnabled(open->isEnabled());
    const bool waits = steers && !workspace_.host().waiting().empty();
    for (QAction* action :
         {hold_next, hold_all, clear_rules, release_all, prefetch_all, prefetch_stop})
        action->setEnabled(steers);
    amplify_menu->setEnabled(steers);
    for (QAction* action : {release, delay, fail})
        action->setEnabled(waits);
    bool holds_all = false;
    for (const Run::RuleText& rule : host.rules())
        holds_all = holds_all || rule.text == "hold all";
    hold_all->setChecked(holds_all);
    fail->setToolTip(
        tr("Fail with an errno: with EIO, %1 (Ctrl+E)").arg(reader_gets(workspace_, EIO)));
    back->setEnabled(workspace_.selection().can_go_back());
    forward->setEnabled(workspace_.selection().can_go_forward());
    const QString kind = host.transport_name();
    const QString guarded = attached && !host.attachment()->linked() ? tr("no link ○")
                            : host.unguarded()                       ? tr("UNGUARDED ●")
                                                                     : tr("guarded ●");
    const QString text =
        phase == RunHost::Phase::starting   ? attached ? tr("attaching…") : tr("starting…")
          : phase == RunHost::Phase::stopping ? tr("stopping…")
        : phase == RunHost::Phase::none     ? QString()
        : host.simulated() ? tr("SIMULATED%1").arg(live ? QString() : tr(" · ended"))
        : !live            ? tr("%1 · ended").arg(kind)
                           : QStringLiteral("%1 · %2").arg(kind, guarded);
    if (transport_->text() != text)
        transport_->setText(text);
    transport_->setToolTip(
        host.simulated() ? tr("A kernel inside the program asks: no real process waits.")
        : host.unguarded()
            ? host.transport() == TransportKind::cachefiles
                  ? tr("The guard is gone: if Coldscope dies now, readers get an error at once.")
                  : tr("The guard is gone: if Coldscope dies now, dead mounts stay behind.")
        : host.transport() == TransportKind::cachefiles
            ? tr("If Coldscope dies, readers wait a moment for one that takes over, then they get "
                 "an error.")
            : tr("If Coldscope dies, its guard takes the mounts away and readers get an error."));
}

void WindowActions::fill_menus() {
    QMenuBar* bar = window_.menuBar();
    QMenu* file = bar->addMenu(tr("&File"));
    file->addAction(open);
    recent_menu = file->addMenu(icon("text-x-generic"), tr("Open &recent"));
    file->addAction(compare);
    file->addSeparator();
    file->addActions({attach, detach});
    file->addSeparator();
    file->addAction(quit);
    QMenu* edit = bar->addMenu(tr("&Edit"));
    edit->addAction(copy);
    edit->addSeparator();
    edit->addActions({find_file, filter});
    QMenu* view = bar->addMenu(tr("&View"));
    view->addAction(back);
    view->addAction(forward);
    view->addSeparator();
    docks_menu = view->addMenu(tr("&Views"));
    view->addAction(reset_layout);
    QMenu* themes = view->addMenu(tr("&Theme"));
    auto* group = new QActionGroup(this);
    for (const auto& [choice, text] :
         {std::pair(ThemeChoice::desktop, tr("As the &desktop")),
          std::pair(ThemeChoice::light, tr("&Light")), std::pair(ThemeChoice::dark, tr("D&ark"))}) {
        QAction* action = themes->addAction(text, this, [choice = choice] {
            save_theme(choice);
            apply_theme(choice);
        });
        action->setCheckable(true);
        action->setChecked(choice == saved_theme());
        group->addAction(action);
    }
    view->addAction(full_screen);
    QMenu* run = bar->addMenu(tr("&Run"));
    run->addActions({start, again, stop});
    run->addSeparator();
    run->addActions({hold_next, hold_all, release_all});
    run->addSeparator();
    run->addActions({release, delay, fail});
    run->addSeparator();
    run->addAction(clear_rules);
    run->addSeparator();
    run->addActions({prefetch_all, prefetch_stop});
    amplify_menu = run->addMenu(tr("&Amplify misses to"));
    fill_amplify_menu();
    QMenu* help = bar->addMenu(tr("&Help"));
    help->addActions({demo, keys, about});
}

void WindowActions::fill_amplify_menu() {
    auto* group = new QActionGroup(this);
    for (const std::uint64_t size : {0U, 128U << 10, 1U << 20, 4U << 20}) {
        QAction* action = amplify_menu->addAction(size == 0 ? tr("&Off") : size_text(size));
        action->setCheckable(true);
        action->setChecked(size == 0);
        action->setData(QVariant::fromValue(quint64{size}));
        action->setStatusTip(size == 0 ? tr("A miss fetches what was asked for")
                                       : tr("A miss fetches all of the blocks of this size that it "
                                            "touches; its reader does not wait for the rest"));
        group->addAction(action);
        connect(action, &QAction::triggered, this,
                [this, size] { steer(workspace_, QStringLiteral("amplify %1").arg(size)); });
    }
}

// None, for a size that the menu does not offer.
void WindowActions::check_amplify(std::uint64_t size) {
    for (QAction* action : amplify_menu->actions())
        action->setChecked(action->data().toULongLong() == size);
}

void WindowActions::fill_toolbar() {
    QToolBar* bar = window_.addToolBar(tr("Main toolbar"));
    bar->setObjectName(QStringLiteral("toolbar"));
    bar->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    bar->setIconSize({18, 18});
    bar->setMovable(false);
    bar->addActions({back, forward});
    bar->addSeparator();
    bar->addActions({start, stop});
    bar->addSeparator();
    bar->addActions({hold_next, hold_all, release_all});
    auto* space = new QWidget(bar);
    space->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    bar->addWidget(space);
    transport_ = new QLabel(bar);
    transport_->setContentsMargins(8, 0, 10, 0);
    transport_->setAccessibleName(tr("Transport"));
    bar->addWidget(transport_);
    for (QAction* action : {back, forward}) {
        if (auto* button = bar->widgetForAction(action))
            button->setProperty("toolButtonStyle", Qt::ToolButtonIconOnly);
    }
}

} // namespace coldscope::app
