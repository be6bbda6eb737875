// A window's client that is attached to a real coldscoped: what it was told, and its commands.
#pragma once

#include "core/request/event_store.h"
#include "daemon/control/client.h"

#include <QByteArray>
#include <QElapsedTimer>
#include <QTest>
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace coldscope::test {

class AttachedClient {
public:
    explicit AttachedClient(const QString& where)
        : client_(std::make_unique<attach::Client>(
              *attach::parse_attach_address(where.toStdString()))) {}

    void take() {
        client_->beat();
        client_->drain([this](attach::Told& one) { take(one); }, 1000);
    }
    // False after 30 s.
    bool until(const std::function<bool()>& so, int timeout_ms = 30000) {
        QElapsedTimer waited;
        waited.start();
        for (take(); !so(); take()) {
            if (waited.elapsed() > timeout_ms)
                return false;
            QTest::qSleep(1);
        }
        return true;
    }
    bool greeted() {
        return until([this] { return hello.has_value() || unlinked.has_value(); }) && hello;
    }
    // The number that its answer has.
    std::uint32_t command(const QByteArray& line) {
        if (!client_->ask(attach::Command{++tag_, line.toStdString()}))
            qFatal("the client takes nothing");
        return tag_;
    }
    // Null until it came.
    const attach::Done* answer(std::uint32_t tag) const {
        const auto at = std::ranges::find(done, tag, &attach::Done::tag);
        return at == done.end() ? nullptr : &*at;
    }
    // The newest request in that state, held ones first.
    std::optional<RequestId> in_state(RequestState state) {
        for (Row row = store.size(); row-- > 0;) {
            if (store.state(row) == state)
                return store[row].id;
        }
        return {};
    }
    RequestRow row(RequestId id) const { return store[*store.find(id)]; }
    RequestState state(RequestId id) const { return store.state(*store.find(id)); }
    void leave() { client_.reset(); }

    EventStore store;
    std::vector<StepRecord> records;
    std::vector<KernelTime> times;
    std::optional<attach::Hello> hello;
    std::optional<attach::Unlinked> unlinked;
    std::vector<attach::Done> done;
    std::vector<RuleText> rules;
    bool same_run = false;
    bool over = false;

private:
    void take(attach::Told& one) {
        if (auto* greeted = std::get_if<attach::Greeted>(&one)) {
            same_run = greeted->same_run;
            hello = greeted->hello;
            if (!same_run && !client_->ask(attach::StartFollowing{hello->run}))
                qFatal("the client takes nothing");
        } else if (auto* steps = std::get_if<attach::Steps>(&one)) {
            for (const StepRecord& record : steps->records) {
                store.take(record);
                records.push_back(record);
            }
        } else if (const auto* facts = std::get_if<attach::Facts>(&one)) {
            times.insert(times.end(), facts->times.begin(), facts->times.end());
        } else if (auto* gone = std::get_if<attach::Unlinked>(&one)) {
            unlinked = *gone;
        } else if (auto* answer = std::get_if<attach::Done>(&one)) {
            done.push_back(*answer);
        } else if (auto* list = std::get_if<attach::Rules>(&one)) {
            rules = list->rules;
        } else if (std::holds_alternative<attach::Bye>(one)) {
            over = true;
        }
    }

    std::unique_ptr<attach::Client> client_;
    std::uint32_t tag_ = 0;
};

} // namespace coldscope::test
