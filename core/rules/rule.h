// Rules decide what happens to a request before its bytes are fetched: pass, hold, delay or fail.
// The first rule that matches decides.
#pragma once

#include "core/base/clock.h"
#include "core/base/range_set.h"
#include "core/request/step.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope {

enum class Action : std::uint8_t { pass, hold, delay, fail };

// What the kernel asked, as far as rules look at it. A tree-mode request is known both as a range
// of its file and as ranges of devices.
struct Place {
    ObjectId object = 0;
    Range range; // bytes
};

struct Question {
    Op op = Op::read;
    std::span<const Place> places;
    std::uint32_t pid = 0;
    std::string_view command;
    std::string_view object = {}; // its name, where objects come and go
};

// Every condition that is set must hold; an empty match holds for every read.
struct Match {
    std::optional<std::uint32_t> pid;
    std::string command;       // the reader's name, empty for any
    std::vector<Place> places; // the request touches one of these; empty for anywhere
    bool nowhere = false;      // places were asked for and there are none
    std::string object;        // as is_called() takes it; empty for any
    std::string text;          // as the user wrote it, for lists
    Op op = Op::read;
    std::optional<Range> range; // bytes, in whatever object
};

struct Verdict {
    Action action = Action::pass;
    Nanoseconds delay = 0;
    int error = 0;          // errno, for fail
    std::uint32_t rule = 0; // which rule decided; 0 for none
    bool partial = false;   // fail by answering with less than the truth
};

struct Rule {
    std::uint32_t id = 0;
    Action action = Action::pass;
    Match match;
    Nanoseconds delay = 0;
    int error = 0;
    bool partial = false;
    std::uint64_t count = 0; // how many requests it is for; 0 for no end
    std::uint64_t hits = 0;
};

// A rule for a list of them.
struct RuleText {
    std::uint32_t id = 0;
    Action action = Action::hold;
    std::string text; // as commanded

    bool operator==(const RuleText&) const = default;
};

// An object where they come and go: by its name, or by what follows its last slash.
[[nodiscard]] bool is_called(std::string_view name, std::string_view wanted);
[[nodiscard]] bool matches(const Match& match, const Question& question);

class RuleSet {
public:
    // The rule's id is the caller's: unique, not 0.
    void add(Rule rule) { rules_.push_back(std::move(rule)); }
    bool remove(std::uint32_t id);
    void clear() { rules_.clear(); }
    void clear(Action action);
    // Counts the hit; a rule that has had its count goes.
    [[nodiscard]] Verdict decide(const Question& question);
    [[nodiscard]] const std::vector<Rule>& all() const { return rules_; }

private:
    std::vector<Rule> rules_;
};

} // namespace coldscope
