// A run that is none, behind a real server; the test's thread turns it, while a client's own thread
// is at the other end.
#pragma once

#include "core/base/read_at.h"
#include "daemon/control/client.h"
#include "daemon/control/server.h"
#include "tests/unit/daemon/attach_samples.h"

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <algorithm>
#include <functional>
#include <memory>

namespace coldscope::test {

class ServedRun final : public attach::Served {
public:
    explicit ServedRun(const attach::ServerOptions& options = {}) {
        address = {attach::Address::Kind::socket,
                   folder.filePath(QStringLiteral("run.sock")).toStdString()};
        listen(options);
    }
    void listen(const attach::ServerOptions& options) {
        server.reset();
        auto made = attach::Server::listen(address, options);
        if (!made)
            qFatal("no server: %s", made.error().context.c_str());
        server = std::move(*made);
    }

    attach::Hello hello() const override {
        attach::Hello hello;
        hello.transport = "fuse-blob";
        hello.image = "/image";
        hello.image_size = image.size();
        hello.devices = {{"/image", "bootstrap"}};
        return hello;
    }
    const std::vector<std::vector<Range>>& local_at_start() const override { return local; }
    std::string object_name(ObjectId object) const override {
        return "object " + std::to_string(object);
    }
    const std::vector<RuleText>& rules() const override { return rule_list; }
    std::uint64_t lost_events() const override { return lost; }
    Result<std::uint32_t> steer(const std::string& line) override {
        lines.push_back(line);
        if (line == "no")
            return failure(Code::invalid, "not that");
        rule_list.push_back({static_cast<std::uint32_t>(lines.size()), Action::hold, line});
        server->rules_changed();
        return rule_list.back().id;
    }
    Result<void> read_file(const std::string& path) override {
        lines.push_back("read " + path);
        return {};
    }
    Result<void> read_image(std::uint64_t offset, std::span<std::byte> into) override {
        return MemoryReadAt(image).read(offset, into);
    }

    // Steps of a request; of an open one only its beginning.
    void request(RequestId id, bool open = false) {
        server->step(sample_record(id, Step::arrived, ++time));
        server->step(sample_record(id, Step::matched, ++time));
        if (!open)
            server->step(sample_record(id, Step::answered, ++time));
    }
    // Turns the server until it is so; false after 30 s.
    bool until(const std::function<bool()>& so) {
        QElapsedTimer waited;
        waited.start();
        while (!so()) {
            if (waited.elapsed() > 30000)
                return false;
            turn();
        }
        return true;
    }
    void turn() {
        std::vector<pollfd> entries;
        server->poll_for(entries);
        ::poll(entries.data(), entries.size(), 5);
        server->turn(*this);
    }

    QTemporaryDir folder;
    attach::Address address;
    std::unique_ptr<attach::Server> server;
    std::vector<std::byte> image;
    std::vector<std::vector<Range>> local;
    std::vector<RuleText> rule_list;
    std::vector<std::string> lines;
    std::uint64_t lost = 0;
    std::uint64_t time = 1;
};

// A window that has no screen: what it was told, in order.
class Window {
public:
    explicit Window(const attach::Address& address) : client(address) {}

    void take() {
        client.beat();
        client.drain([this](attach::Told& one) { take(std::move(one)); }, 1000);
    }

    attach::Client client;
    std::vector<attach::Told> told;
    std::vector<StepRecord> records;
    std::vector<RuleText> rules;
    bool follows = true; // once it is greeted
    bool greeted = false;
    bool same_run = false;
    bool over = false;
    std::optional<attach::Unlinked> unlinked;
    std::optional<attach::Done> done;
    std::optional<attach::ImageFetched> fetched;
    std::vector<attach::Local> local;

private:
    void take(attach::Told one) {
        if (auto* hello = std::get_if<attach::Greeted>(&one)) {
            greeted = true;
            same_run = hello->same_run;
            unlinked.reset();
            if (follows && !same_run && !client.ask(attach::StartFollowing{hello->hello.run}))
                qFatal("the client takes nothing");
        } else if (auto* steps = std::get_if<attach::Steps>(&one)) {
            records.insert(records.end(), steps->records.begin(), steps->records.end());
        } else if (auto* list = std::get_if<attach::Rules>(&one)) {
            rules = list->rules;
        } else if (auto* gone = std::get_if<attach::Unlinked>(&one)) {
            unlinked = *gone;
        } else if (auto* answer = std::get_if<attach::Done>(&one)) {
            done = *answer;
        } else if (auto* image = std::get_if<attach::ImageFetched>(&one)) {
            fetched = *image;
        } else if (auto* ranges = std::get_if<attach::Local>(&one)) {
            local.push_back(*ranges);
        } else if (std::holds_alternative<attach::Bye>(one)) {
            over = true;
        }
        told.push_back(std::move(one));
    }
};

// Speaks frames by hand.
inline attach::Link raw_link(const attach::Address& address) {
    auto connection = attach::Connection::open(address);
    if (!connection)
        qFatal("no link: %s", connection.error().context.c_str());
    return std::move(connection->link);
}

// All that is there; the answer to an attach first.
inline std::vector<attach::Message> read_all(attach::Link& link) {
    std::vector<attach::Message> all;
    (void)link.receive();
    while (true) {
        auto message = link.next();
        if (!message || !*message)
            return all;
        all.push_back(std::move(**message));
    }
}

template <typename T>
const T* first_of(const std::vector<attach::Message>& messages) {
    for (const attach::Message& message : messages) {
        if (const T* it = std::get_if<T>(&message))
            return it;
    }
    return nullptr;
}

inline std::uint64_t follow(ServedRun& run, attach::Link& link) {
    link.send(attach::Attach{attach::version, 5});
    (void)link.flush();
    std::vector<attach::Message> all;
    if (!run.until([&] {
            std::ranges::move(read_all(link), std::back_inserter(all));
            return first_of<attach::Hello>(all) != nullptr;
        }))
        qFatal("not greeted");
    const std::uint64_t id = first_of<attach::Hello>(all)->run;
    link.send(attach::Follow{id, 0});
    (void)link.flush();
    if (!run.until([&] { return run.server->attached(); }))
        qFatal("not followed");
    return id;
}

} // namespace coldscope::test
