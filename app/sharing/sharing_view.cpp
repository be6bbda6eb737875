#include "app/sharing/sharing_view.h"

#include "app/maps/legend.h"
#include "app/run/root_panel.h"
#include "app/sharing/images_model.h"
#include "app/sharing/run_sample.h"
#include "app/sharing/sample_bar.h"
#include "app/sharing/sharing_text.h"
#include "app/sharing/usage_chart.h"
#include "app/style/text.h"
#include "app/tables/empty_state.h"
#include "app/tables/image_facts.h"

#include <QClipboard>
#include <QComboBox>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QGuiApplication>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QProgressBar>
#include <QSaveFile>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>
#include <QTreeView>
#include <QVBoxLayout>
#include <algorithm>
#include <numeric>

namespace coldscope::app {

namespace {

constexpr int asking_ms = 2000;

} // namespace

SharingView::SharingView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), state_(workspace), files_(new SharingModel(this)),
      strips_(new StripDelegate(*files_, this)), holders_(new HoldersModel(this)),
      usage_(new UsageModel(this)), images_(new ImagesModel(state_, this)),
      head_(new QWidget(this)), part_(new QLineEdit(head_)), with_(new QComboBox(head_)),
      running_(new QWidget(head_)), progress_(new QProgressBar(running_)),
      stack_(new QStackedWidget(this)), files_side_(new QSplitter(Qt::Horizontal)),
      tree_(new QTreeView), empty_(new EmptyState(tree_)), chosen_text_(new QLabel),
      holders_table_(new QTableView), no_holders_(new EmptyState(holders_table_)),
      images_table_(new QTableView), usage_table_(new QTableView), usage_of_(new QComboBox),
      usage_note_(new ElidedLabel(Qt::ElideRight, nullptr)),
      sample_bar_(new SampleBar(state_, this)), legend_(new Legend(this)) {
    setAccessibleName(tr("Sharing"));
    setAcceptDrops(true);
    build_head();
    build_files();
    build_images();
    build_usage();
    auto* lines = new QVBoxLayout(this);
    lines->setContentsMargins({});
    lines->setSpacing(2);
    lines->addWidget(head_);
    lines->addWidget(stack_, 1);
    auto* bottom = new QHBoxLayout;
    bottom->setContentsMargins(6, 0, 6, 2);
    bottom->addWidget(legend_);
    auto* asked = new RootPanel(state_.samples().asker(), this);
    asked->hide();
    connect(asked, &RootPanel::shown, asked, &QWidget::setVisible);
    lines->addWidget(asked);
    lines->addWidget(sample_bar_);
    lines->addLayout(bottom);
    setFocusProxy(tree_);
    holders_->set_theme(theme_of(palette()));

    connect(&state_, &SharingState::changed, this, &SharingView::show_state);
    connect(&state_.set(), &SharingSet::changed, this, &SharingView::show_state);
    connect(&state_.set(), &SharingSet::progressed, this, &SharingView::show_progress);
    connect(&workspace_, &Workspace::image_changed, this, &SharingView::show_state);
    connect(&workspace_.selection(), &Selection::changed, this, [this] {
        if (isVisible())
            follow_selection();
    });
    connect(&workspace_.host(), &RunHost::began, this, [this] { asked_ = {}; });
    asking_.setSingleShot(true);
    asking_.setInterval(asking_ms);
    connect(&asking_, &QTimer::timeout, this, &SharingView::show_usage);
    show_page(files_page);
    show_state();
}

void SharingView::add_image(const QString& path) {
    state_.set().add(path);
}

void SharingView::set_folder(std::size_t image, const QString& folder) {
    state_.set().set_folder(image, folder);
}

void SharingView::show_page(int page) {
    page_buttons_[static_cast<std::size_t>(page)]->setChecked(true);
    stack_->setCurrentIndex(page);
    show_state();
}

void SharingView::show_state() {
    const bool any = workspace_.image() != nullptr;
    if (!any && stack_->currentIndex() != files_page) // which says why there is nothing
        return show_page(files_page);
    const bool predicted = state_.predicted() != nullptr;
    const SharingSet::Step step = state_.set().step();
    const bool on_files = stack_->currentIndex() == files_page;
    head_->setVisible(any);
    running_->setVisible(step != SharingSet::Step::idle);
    for (QWidget* widget : std::initializer_list<QWidget*>{part_, with_})
        widget->setVisible(predicted && on_files && step == SharingSet::Step::idle);
    sample_bar_->setVisible(predicted);
    legend_->setVisible(predicted);
    scan_->setEnabled(predicted && step == SharingSet::Step::idle && !state_.predicted()->scanned);
    tree_->setHeaderHidden(!predicted);
    std::vector<Mark> marks = sharing_marks();
    if (predicted && !state_.predicted()->scanned)
        std::erase(marks, Mark::same_bytes);
    legend_->show_marks(marks);
    if (state_.seen())
        legend_->set_note(tr("line below: in memory · light: not · dashed: unknown"),
                          tr("line: in memory"));
    else
        legend_->set_note(tr("dashed: unknown whether in memory"), tr("dashed: unknown"));
    show_side();
    if (files_->predicted() != state_.predicted() || files_->seen() != state_.seen()) {
        const bool other = !files_->predicted() || !predicted ||
                           files_->predicted()->images != state_.predicted()->images;
        files_->show(state_.predicted(), state_.seen());
        if (other)
            choose_nothing();
        show_holders();
    }
    show_progress();
    show_files();
    show_usage();
}

// Where there is little room, once there is something to say.
void SharingView::show_side() {
    const int least = fontMetrics().averageCharWidth() * 160;
    files_side_->widget(1)->setVisible(state_.predicted() && (chosen_ || width() >= least));
}

void SharingView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    show_side();
}

void SharingView::show_progress() {
    switch (state_.set().step()) {
    case SharingSet::Step::idle:
        return;
    case SharingSet::Step::reading:
        progress_->setFormat(tr("reading the images, %p %"));
        break;
    case SharingSet::Step::predicting:
        progress_->setFormat(tr("comparing, %p %"));
        break;
    case SharingSet::Step::scanning:
        progress_->setFormat(tr("comparing bytes, %p %"));
        break;
    }
    progress_->setRange(0, 100);
    progress_->setValue(static_cast<int>(state_.set().progress() * 100));
}

QString SharingView::empty_text() const {
    if (!workspace_.image())
        return workspace_.no_image_text(
            tr("Open an image to see what of its files can be in memory once for several."));
    if (state_.set().step() != SharingSet::Step::idle && !state_.predicted())
        return tr("Reading the images…");
    if (!state_.predicted() && !state_.set().error().isEmpty())
        return tr("The images could not be compared.\n%1").arg(state_.set().error());
    QStringList failed;
    for (const SharingSet::Entry& entry : state_.set().entries()) {
        if (!entry.error.isEmpty())
            failed << entry.error;
    }
    if (!state_.predicted() && !failed.isEmpty())
        return tr("There is nothing to compare: an image could not be read.\n%1")
            .arg(failed.join(u'\n'));
    if (!state_.predicted() && state_.set().given_up())
        return tr("Given up. Add the image again to go on.");
    if (!state_.predicted())
        return tr("Add another image to see what the two can share. It can also be dropped here.");
    if (files_->picking() || files_->rowCount() > 0)
        return {};
    return with_->currentData().toInt() == static_cast<int>(FilesWith::shared) &&
                   part_->text().isEmpty()
               ? tr("Nothing is shared, and nothing could be as the images are mounted. The "
                    "blocked files say why.")
               : tr("No file matches the filter.");
}

void SharingView::show_files() {
    empty_->say(empty_text());
    if (files_->rowCount() == 0 || files_->picking())
        return;
    if (!fitted_) {
        fitted_ = true;
        fit_columns();
        if (files_->rowCount() == 1)
            tree_->expand(files_->index(0, 0));
        follow_selection();
    }
    // A few that match are all shown.
    constexpr std::uint64_t most_unfolded = 200;
    if (!part_->text().isEmpty() && files_->files_shown() <= most_unfolded)
        tree_->expandAll();
}

void SharingView::apply_filter() {
    typing_.stop();
    files_->set_filter(part_->text(), static_cast<FilesWith>(with_->currentData().toInt()));
}

void SharingView::show_usage() {
    const auto& predicted = state_.predicted();
    std::vector<sharing::Usage> usage;
    QString note;
    if (!predicted)
        return usage_->show({}, {}, false);
    switch (usage_of_->currentIndex()) {
    case all_pages:
        usage = predicted->usage;
        note = tr("In whole pages. By blob: the rule of the page-cache sharing RFC, which no "
                  "released kernel has.");
        break;
    case in_memory:
        if (state_.seen() == nullptr) {
            note = tr("What is in memory is unknown: look first.");
            break;
        }
        usage = state_.seen()->usage;
        if (const std::optional<std::uint64_t> twice = state_.twice(); !twice)
            note = tr("Whether anything is in memory twice is unknown: not all files that the "
                      "images are mounted from were seen.");
        else if (*twice != 0)
            note = tr("%1 are in memory twice: the blob's own cache has them as well as EROFS's. "
                      "A mount with directio has them once.")
                       .arg(size_text(*twice));
        else
            note = tr("Nothing is in memory twice, in EROFS's cache and in the blob's.");
        if (const std::uint64_t unknown = std::accumulate(
                usage.begin(), usage.end(), std::uint64_t{0},
                [](std::uint64_t sum, const sharing::Usage& one) { return sum + one.unknown; });
            unknown != 0)
            note = tr("Of %1 in memory it is unknown which page frames they are: Observed is "
                      "without them. %2")
                       .arg(size_text(unknown), note);
        break;
    default:
        if (const auto open = state_.open_image();
            open && workspace_.host().store().size() != 0 && usage_table_->isVisible()) {
            usage = usage_of_run(*open);
            note = tr("If the pages that the run was asked for were read from every image, by the "
                      "same paths.");
        } else {
            note = tr("No run has asked for anything yet.");
        }
        break;
    }
    QStringList images;
    for (const auto& image : predicted->images)
        images << image_name(*image);
    usage_->show(usage.empty() ? QStringList() : images, usage,
                 usage_of_->currentIndex() == in_memory && !usage.empty());
    usage_table_->setColumnHidden(UsageModel::observed, !usage_->seen());
    usage_table_->resizeColumnsToContents();
    usage_note_->set_whole(note);
}

// O(requests): now and then while they come.
const std::vector<sharing::Usage>& SharingView::usage_of_run(std::size_t open) {
    const auto& predicted = state_.predicted();
    const Row requests = workspace_.host().store().size();
    const bool other = asked_.predicted != predicted || requests < asked_.requests;
    if (other || (requests != asked_.requests && !asking_.isActive())) {
        const Taken taken = sample_of_run(workspace_, *predicted, open);
        asked_ = {predicted, requests,
                  sharing::usage_of(predicted->if_shared, taken.sample, taken.list->files)};
        asking_.start();
    }
    return asked_.usage;
}

void SharingView::copy_path() {
    if (const auto line = files_->line_of(tree_->currentIndex()))
        QGuiApplication::clipboard()->setText(
            QString::fromStdString(files_->predicted()->files.path(*line)));
}

void SharingView::save_csv() {
    const QString path = QFileDialog::getSaveFileName(
        this, tr("Save the table"), QStringLiteral("sharing.csv"), tr("CSV files (*.csv)"));
    if (path.isEmpty())
        return;
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(usage_->csv().toUtf8()) < 0 ||
        !file.commit())
        Q_EMIT workspace_.failed(tr("The table was not saved"),
                                 tr("%1: %2").arg(path, file.errorString()));
}

void SharingView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    follow_selection();
    show_usage();
}

void SharingView::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        holders_->set_theme(theme_of(palette()));
}

void SharingView::dragEnterEvent(QDragEnterEvent* event) {
    const QList<QUrl> urls = event->mimeData()->urls();
    if (workspace_.image() && !urls.isEmpty() && urls.first().isLocalFile())
        event->acceptProposedAction();
}

void SharingView::dropEvent(QDropEvent* event) {
    for (const QUrl& url : event->mimeData()->urls()) {
        if (url.isLocalFile())
            Q_EMIT image_dropped(url.toLocalFile());
    }
}

} // namespace coldscope::app
