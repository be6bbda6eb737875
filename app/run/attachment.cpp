#include "app/run/attachment.h"

#include "app/run/work_pool.h"

#include <QCoreApplication>
#include <QtConcurrentRun>
#include <algorithm>

namespace coldscope::app {

namespace {
constexpr ObjectId most_local = 1u << 16; // objects with local ranges: the image's devices
} // namespace

Attachment::Attachment(const attach::Address& address)
    : client_(std::make_unique<attach::Client>(address)) {}

Attachment::~Attachment() {
    (void)QtConcurrent::run(&work_pool(), [client = std::shared_ptr<attach::Client>(
                                               std::move(client_))]() mutable { client.reset(); });
}

QString Attachment::where() const {
    return QString::fromStdString(to_text(client_->address()));
}

Result<void> Attachment::ask(attach::Asked asked, std::uint32_t tag, const QString& what) {
    if (!linked_)
        return failure(Code::cancelled,
                       QCoreApplication::translate("Attachment", "there is no link to %1 now")
                           .arg(where())
                           .toStdString());
    if (!client_->ask(std::move(asked)))
        return failure(Code::busy, "too many commands at once");
    asked_[tag] = what;
    return {};
}

Result<void> Attachment::send(const std::string& line) {
    const std::uint32_t tag = next_tag_++;
    return ask(attach::Command{tag, line}, tag, QString::fromStdString(line));
}

Result<void> Attachment::read_file(const std::string& path) {
    const std::uint32_t tag = next_tag_++;
    return ask(attach::ReadFile{tag, path}, tag, QString::fromStdString(path));
}

void Attachment::take(attach::Greeted greeted) {
    linked_ = true;
    hello_ = std::move(greeted.hello);
    open_.clear();
    greeting_ = !greeted.same_run;
    if (!greeting_)
        return;
    local_.clear();
    rules_.clear();
    lost_by_run_ = 0;
    lost_by_link_ = 0;
}

void Attachment::take(attach::Local local) {
    if (!greeting_ || local.object >= most_local)
        return;
    if (local.object >= local_.size())
        local_.resize(local.object + 1);
    auto& ranges = local_[local.object];
    ranges.insert(ranges.end(), local.ranges.begin(), local.ranges.end());
}

bool Attachment::take(attach::Rules rules) {
    if (rules.first)
        new_rules_.clear();
    std::ranges::move(rules.rules, std::back_inserter(new_rules_));
    if (!rules.last)
        return false;
    rules_ = std::exchange(new_rules_, {});
    return std::exchange(greeting_, false);
}

void Attachment::take(const attach::Lost& lost) {
    lost_by_run_ = lost.by_run;
    lost_by_link_ += lost.by_link;
}

QString Attachment::take(const attach::Done& done) {
    const auto asked = asked_.find(done.tag);
    if (asked == asked_.end())
        return {};
    QString what = std::move(asked->second);
    asked_.erase(asked);
    return what;
}

std::optional<std::vector<StepRecord>> Attachment::take(attach::OpenSteps steps) {
    open_.insert(open_.end(), steps.records.begin(), steps.records.end());
    if (!steps.last)
        return std::nullopt;
    return std::exchange(open_, {});
}

QStringList Attachment::unlinked() {
    linked_ = false;
    QStringList undone;
    for (const auto& [tag, what] : asked_)
        undone << what;
    asked_.clear();
    return undone;
}

} // namespace coldscope::app
