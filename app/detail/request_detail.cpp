#include "app/detail/request_detail.h"

#include "app/detail/hex_view.h"
#include "app/detail/phases.h"
#include "app/steer/steering.h"
#include "app/style/faint.h"
#include "app/style/marks.h"
#include "app/style/text.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableWidget>
#include <QVBoxLayout>
#include <algorithm>
#include <array>
#include <cerrno>

namespace coldscope::app {

namespace {

QLabel* make_label(const char* object_name, bool plain = true) {
    auto* label = new QLabel;
    label->setObjectName(QString::fromLatin1(object_name));
    label->setTextFormat(plain ? Qt::PlainText : Qt::RichText);
    label->setWordWrap(true);
    label->setTextInteractionFlags(plain ? Qt::TextSelectableByMouse : Qt::TextBrowserInteraction);
    return label;
}

} // namespace

RequestDetail::RequestDetail(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), pages_(new QStackedWidget), empty_(new QLabel),
      hex_(new HexView), caption_(make_label("caption")), gate_(this, [this] { refresh(); }) {
    setAccessibleName(tr("Request"));
    empty_->setWordWrap(true);
    empty_->setAlignment(Qt::AlignCenter);
    empty_->setMargin(20);
    empty_->setText(tr("Choose a request in the timeline or the table."));
    make_faint(empty_);
    make_faint(caption_);

    auto* scroll = new QScrollArea;
    scroll->setAccessibleName(tr("Facts of the request"));
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(make_facts());
    auto* bytes = new QWidget;
    auto* below = new QVBoxLayout(bytes);
    below->setContentsMargins(0, 0, 0, 0);
    below->setSpacing(2);
    caption_->setContentsMargins(8, 0, 8, 0);
    below->addWidget(caption_);
    below->addWidget(hex_, 1);
    auto* parts = new QSplitter(Qt::Vertical);
    parts->setChildrenCollapsible(false);
    parts->addWidget(scroll);
    parts->addWidget(bytes);
    parts->setStretchFactor(0, 0);
    parts->setStretchFactor(1, 1);
    parts->setSizes({400, 300});
    hex_->setMinimumHeight(80);

    pages_->addWidget(empty_);
    pages_->addWidget(parts);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->addWidget(pages_);

    connect(&workspace_.selection(), &Selection::changed, &gate_, &FrameGate::ask);
    connect(&workspace_.host(), &RunHost::began, &gate_, &FrameGate::ask);
    connect(&workspace_.host(), &RunHost::phase_changed, &gate_, &FrameGate::ask);
    const auto again = [this] {
        if (row_ && !ended_)
            gate_.ask();
    };
    connect(&workspace_.host(), &RunHost::advanced, this, again);
    connect(&workspace_.host(), &RunHost::ticked, this, again);
    connect(&workspace_.host(), &RunHost::waiting_told, this, &RequestDetail::hear_waiting);
    connect(&workspace_, &Workspace::image_changed, this, [this] {
        bytes_of_.reset();
        hex_->show_sentence({}); // its bytes came from the old image
        gate_.ask();
    });
}

QWidget* RequestDetail::make_facts() {
    title_ = make_label("title");
    QFont big = title_->font();
    big.setPointSizeF(big.pointSizeF() * 1.25);
    big.setBold(true);
    title_->setFont(big);
    badge_ = new QLabel(tr("SIMULATED"));
    badge_->setObjectName(QStringLiteral("badge"));
    badge_->setFrameShape(QFrame::Box);
    badge_->setMargin(2);
    badge_->setToolTip(tr("No real process asked: a simulated kernel reads what a list says."));
    what_ = make_label("what");
    who_ = make_label("who");
    reading_ = make_label("reading", false);
    reading_->setAccessibleName(tr("What is read"));
    reading_->setToolTip(tr("By the kernel's tracepoints, and by what the thread waits in"));
    connect(reading_, &QLabel::linkActivated, this,
            [this](const QString& link) { workspace_.choose_node(link.toUInt()); });
    state_mark_ = new QLabel;
    state_mark_->setFixedWidth(18);
    state_ = make_label("state");
    QFont bold = state_->font();
    bold.setBold(true);
    state_->setFont(bold);
    phases_ = new PhasesBar;
    steps_ = new QTableWidget(0, 3);
    steps_->setObjectName(QStringLiteral("steps"));
    steps_->setAccessibleName(tr("Steps"));
    steps_->setHorizontalHeaderLabels({tr("Step"), tr("At"), tr("Took")});
    steps_->horizontalHeaderItem(1)->setToolTip(tr("Since the arrival"));
    steps_->horizontalHeaderItem(2)->setToolTip(tr("Until the next step"));
    steps_->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
    steps_->horizontalHeader()->setSectionResizeMode(1, QHeaderView::ResizeToContents);
    steps_->horizontalHeader()->setSectionResizeMode(2, QHeaderView::ResizeToContents);
    steps_->horizontalHeader()->setHighlightSections(false);
    for (int column = 1; column < 3; ++column)
        steps_->horizontalHeaderItem(column)->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    steps_->horizontalHeaderItem(0)->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    steps_->verticalHeader()->hide();
    steps_->verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 6);
    steps_->setShowGrid(false);
    steps_->setFrameShape(QFrame::NoFrame);
    steps_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    steps_->setSelectionBehavior(QAbstractItemView::SelectRows);
    steps_->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    steps_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    flags_ = make_label("flags");
    result_ = make_label("result");
    files_ = make_label("files", false);
    files_->setAccessibleName(tr("Files"));
    connect(files_, &QLabel::linkActivated, this,
            [this](const QString& link) { workspace_.choose_node(link.toUInt()); });

    auto* facts = new QWidget;
    auto* all = new QVBoxLayout(facts);
    all->setContentsMargins(8, 8, 8, 8);
    all->setSpacing(4);
    auto* top = new QHBoxLayout;
    top->addWidget(title_, 1);
    top->addWidget(badge_, 0, Qt::AlignTop);
    all->addLayout(top);
    all->addWidget(what_);
    all->addWidget(who_);
    all->addWidget(reading_);
    auto* state = new QHBoxLayout;
    state->setSpacing(4);
    state->addWidget(state_mark_, 0, Qt::AlignTop);
    state->addWidget(state_, 1);
    all->addSpacing(4);
    all->addLayout(state);
    all->addWidget(phases_);
    acts_ = make_acts();
    all->addWidget(acts_);
    all->addWidget(steps_);
    all->addWidget(result_);
    all->addWidget(flags_);
    all->addWidget(files_);
    all->addStretch();
    return facts;
}

QWidget* RequestDetail::make_acts() {
    release_ = new QPushButton(icon("release"), tr("&Release"));
    delay_ = new QPushButton(icon("delay"), tr("&Delay…"));
    fail_ = new QPushButton(icon("fail"), tr("&Fail…"));
    release_->setObjectName(QStringLiteral("release"));
    delay_->setObjectName(QStringLiteral("delay"));
    fail_->setObjectName(QStringLiteral("fail"));
    release_->setToolTip(tr("The reader goes on"));
    delay_->setToolTip(tr("The reader goes on after a time"));
    consequence_ = make_label("consequence");
    make_faint(consequence_);
    auto* acts = new QWidget;
    auto* all = new QVBoxLayout(acts);
    all->setContentsMargins(0, 4, 0, 4);
    all->setSpacing(3);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(4);
    for (QPushButton* button : {release_, delay_, fail_})
        buttons->addWidget(button);
    all->addLayout(buttons);
    all->addWidget(consequence_);
    // The row at the time of the press: while a dialog asks, another may be chosen.
    connect(release_, &QPushButton::clicked, this, [this] {
        if (row_)
            release(workspace_, {*row_});
    });
    connect(delay_, &QPushButton::clicked, this, [this] {
        const auto row = row_;
        if (const auto time = row ? ask_delay(this) : std::nullopt)
            app::delay(workspace_, {*row}, *time);
    });
    connect(fail_, &QPushButton::clicked, this, [this] {
        const auto row = row_;
        if (const auto failing = row ? ask_failing(this, workspace_, {*row}) : std::nullopt)
            app::fail(workspace_, {*row}, *failing);
    });
    return acts;
}

void RequestDetail::refresh_now() {
    gate_.ask();
    gate_.flush();
}

// Links and swatches have the colours of the theme that they were made in.
void RequestDetail::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() != QEvent::PaletteChange || files_ == nullptr)
        return;
    files_->clear();
    reading_->clear();
    steps_->setRowCount(0);
    gate_.ask();
}

void RequestDetail::refresh() {
    const auto row = workspace_.selection().current().request;
    const bool valid = row && *row < workspace_.host().store().size();
    if (!valid) {
        row_.reset();
        bytes_of_.reset();
        pages_->setCurrentIndex(0);
        return;
    }
    row_ = row;
    ask_waiting();
    ended_ = !workspace_.host().store()[*row_].open();
    show_request();
    show_steps();
    show_acts();
    show_bytes();
    pages_->setCurrentIndex(1);
}

void RequestDetail::show_request() {
    EventStore& store = workspace_.host().store();
    const RequestRow& request = store[*row_];
    const auto set = [](QLabel* label, const QString& text) {
        if (label->text() != text)
            label->setText(text);
        label->setVisible(!text.isEmpty());
    };
    set(title_, tr("Request %1").arg(count_text(request.id)));
    badge_->setVisible((request.flags & flag::simulated) != 0 || workspace_.host().simulated());
    set(what_, what_text());
    set(who_, who_text());
    set(reading_, reading_text());
    set(state_, state_text());
    state_mark_->setPixmap(
        mark_icon(mark_of(store.state(*row_)), theme_of(palette())).pixmap(QSize(16, 16)));
    set(flags_, flags_text());
    set(result_, result_text());
    set(files_, files_text());
}

void RequestDetail::show_steps() {
    const std::vector<Phase> phases =
        phases_of(workspace_.host().store(), *row_, workspace_.host().now());
    phases_->show_phases(phases);
    const auto count = static_cast<int>(phases.size());
    steps_->setRowCount(count);
    const Theme theme = theme_of(palette());
    for (int at = 0; at < count; ++at) {
        const Phase& phase = phases[static_cast<std::size_t>(at)];
        const bool last = at + 1 == count;
        const QString took = last && ended_ ? QString() : duration_text(phase.end - phase.begin);
        const std::array<QString, 3> texts{phase.name,
                                           duration_text(phase.begin - phases.front().begin), took};
        for (int column = 0; column < 3; ++column) {
            QTableWidgetItem* item = steps_->item(at, column);
            if (item == nullptr) {
                item = new QTableWidgetItem;
                item->setTextAlignment((column == 0 ? Qt::AlignLeft : Qt::AlignRight) |
                                       Qt::AlignVCenter);
                steps_->setItem(at, column, item);
            }
            if (column == 0 && item->text() != phase.name)
                item->setIcon(mark_icon(phase.mark, theme));
            if (const QString& text = texts[static_cast<std::size_t>(column)]; item->text() != text)
                item->setText(text);
        }
    }
    const int height = steps_->horizontalHeader()->sizeHint().height() +
                       count * steps_->verticalHeader()->defaultSectionSize() + 2;
    if (steps_->height() != height)
        steps_->setFixedHeight(height);
}

void RequestDetail::show_acts() {
    const RequestState state = workspace_.host().store().state(*row_);
    const bool waits = state == RequestState::held || state == RequestState::delayed;
    acts_->setVisible(waits && workspace_.host().live());
    if (!waits)
        return;
    const QString gets = reader_gets(workspace_, EIO);
    const QString text = tr("Release: the reader gets its bytes. Fail: %1.").arg(gets);
    if (consequence_->text() != text)
        consequence_->setText(text);
    fail_->setToolTip(gets);
}

void RequestDetail::show_bytes() {
    if (bytes_of_ == row_)
        return;
    bytes_of_ = row_;
    const RequestRow request = workspace_.host().store()[*row_];
    if (request.op != Op::read || request.length == 0) {
        caption_->clear();
        hex_->show_sentence(tr("This request asks for no bytes."));
        return;
    }
    if (!workspace_.image() && !workspace_.host().has_image()) {
        caption_->clear();
        hex_->show_sentence(tr("No image is named, so its bytes are not at hand here."));
        return;
    }
    Range range{request.offset, request.offset + request.length};
    if (request.object >= first_file_object) {
        const erofs::NodeId node = request.object - first_file_object;
        if (workspace_.image() && node < workspace_.image()->index.size())
            range.end = std::min(range.end, workspace_.image()->index.node(node).size);
        caption_->setText(tr("From image and blobs, not through the mount"));
        hex_->set_source(range, [this, node](std::uint64_t offset, std::uint64_t length) {
            return workspace_.read_file(node, offset, length);
        });
        return;
    }
    const auto device = static_cast<std::uint16_t>(request.object);
    if (workspace_.image() && device < workspace_.image()->device_count())
        range.end = std::min(range.end, workspace_.image()->device_size(device));
    caption_->setText(tr("From the source's file, not through the mount"));
    hex_->set_source(range, [this, device](std::uint64_t offset, std::uint64_t length) {
        return workspace_.read_device({device, {offset, offset + length}});
    });
}

} // namespace coldscope::app
