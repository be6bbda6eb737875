// The commands that steer a run, one a line:
//
//   hold next [N] [MATCH…]        hold the next request (or the next N) that matches
//   hold all | hold MATCH…        hold every later request that matches
//   release ID | release all      let one go on; `all` also ends every hold rule
//   delay ID TIME                 let a held one go on when TIME is over
//   delay TIME [next [N]] [MATCH…]  delay every later request that matches
//   fail ID [ERRNO]               answer a held one with an errno (EIO)
//   fail [ERRNO] [next [N]] [MATCH…]  fail every later request that matches
//   fail ID partial, fail partial …   answer with less than the truth: half of a read's range,
//                                 half of an object's size (cachefiles alone)
//   prefetch all [RATE]           fetch everything that is not local, while no reader waits
//   prefetch file=PATH|object=NAME [range=OFFSET+LENGTH] [RATE]
//   prefetch stop                 end that; what is on its way comes
//   amplify SIZE                  a miss fetches the whole blocks of SIZE around it; 0: none
//   rules                         list the rules
//   clear [RULE]                  end one rule, or all; what is held stays held
//   stop                          end the run
//
//   MATCH: file=PATH  object=NAME  range=OFFSET+LENGTH  pid=N  command=NAME  op=read|open (read)
//   TIME:  a number with ns, us, ms or s; ERRNO: a name (EIO) or a number to 511
//   SIZE:  bytes, or as 64K, 1M; RATE: SIZE a second
//
// A value with spaces stands in double quotes: file="/a b".
#pragma once

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/range_set.h"
#include "core/rules/rule.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coldscope {

enum class Verb : std::uint8_t {
    hold,
    release,
    delay,
    fail,
    prefetch,
    amplify,
    rules,
    clear,
    stop
};

struct Command {
    Verb verb = Verb::rules;
    std::optional<std::uint64_t> id; // a request, or for `clear` a rule
    bool all = false;
    bool end = false;        // of a prefetch: stop
    std::uint64_t bytes = 0; // of amplify: the size; of prefetch: a second, 0: no limit
    std::uint64_t count = 0; // 0: no end
    Nanoseconds delay = 0;
    int error = 0; // errno
    bool partial = false;
    // MATCH, as written; names are resolved by whoever knows the image.
    std::string file;
    std::string object;
    std::optional<Range> range;
    std::optional<std::uint32_t> pid;
    std::string command;
    std::optional<Op> op; // read where it is not given
    std::string text;     // the line
};

// Code::invalid with a sentence that says what was expected; offset is the byte in the line, its
// end where something is missing or two parts don't go together.
[[nodiscard]] Result<Command> parse_command(std::string_view line);

// "5ms", "0.5s", "250us", "100ns".
[[nodiscard]] Result<Nanoseconds> parse_duration(std::string_view text);
// "4096", "64K", "1.5M", "2G", with or without "iB"; bytes.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

// A power of two from 4K to 16M, or 0.
[[nodiscard]] Result<std::uint64_t> parse_amplify(std::string_view text);

} // namespace coldscope
