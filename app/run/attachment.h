// A run of coldscoped, on this machine or another, that the window is attached to: its link, and
// what it has told beside its events. Belongs to the main thread and never waits.
#pragma once

#include "core/rules/command.h"
#include "daemon/control/client.h"

#include <QString>
#include <QStringList>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace coldscope::app {

class Attachment {
public:
    explicit Attachment(const attach::Address& address);
    // The link's thread ends beside this one.
    ~Attachment();
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

    [[nodiscard]] QString where() const; // its address, as typed
    [[nodiscard]] bool linked() const { return linked_; }
    // Of the run that was greeted last.
    [[nodiscard]] const attach::Hello& hello() const { return hello_; }
    [[nodiscard]] const std::vector<std::vector<Range>>& local_at_start() const { return local_; }
    [[nodiscard]] const std::vector<RuleText>& rules() const { return rules_; }
    [[nodiscard]] std::uint64_t lost_events() const { return lost_by_run_ + lost_by_link_; }

    [[nodiscard]] attach::Client& client() { return *client_; }
    // A command, or a file to read; what comes of it is told later. Code::cancelled without a link.
    [[nodiscard]] Result<void> send(const std::string& line);
    [[nodiscard]] Result<void> read_file(const std::string& path);

    // What is told, taken in. They say what the host has to do about it.
    void take(attach::Greeted greeted);
    void take(attach::Local local);
    // True when the greeting is over with it.
    [[nodiscard]] bool take(attach::Rules rules);
    void take(const attach::Lost& lost);
    // What was asked for, as a person would call it.
    [[nodiscard]] QString take(const attach::Done& done);
    // All records of open requests, once the last have come.
    [[nodiscard]] std::optional<std::vector<StepRecord>> take(attach::OpenSteps steps);
    // What was asked for and may not have been done.
    [[nodiscard]] QStringList unlinked();

private:
    [[nodiscard]] Result<void> ask(attach::Asked asked, std::uint32_t tag, const QString& what);

    std::unique_ptr<attach::Client> client_;
    attach::Hello hello_;
    bool linked_ = false;
    bool greeting_ = false; // of a run that was not known before
    std::vector<std::vector<Range>> local_;
    std::vector<RuleText> rules_;
    std::vector<RuleText> new_rules_; // until all were told
    std::vector<StepRecord> open_;
    std::uint64_t lost_by_run_ = 0;
    std::uint64_t lost_by_link_ = 0;
    std::uint32_t next_tag_ = 1;
    std::unordered_map<std::uint32_t, QString> asked_;
};

} // namespace coldscope::app
