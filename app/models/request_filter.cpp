#include "app/models/request_filter.h"

#include "app/models/request_text.h"
#include "app/style/look.h"
#include "core/rules/words.h"

#include <QCoreApplication>
#include <array>

namespace coldscope::app {

namespace {

constexpr unsigned char no = 1;
constexpr unsigned char yes = 2;
constexpr std::size_t most_files = 64; // of one request

unsigned char& known(std::vector<unsigned char>& answers, std::size_t at) {
    if (at >= answers.size())
        answers.resize(at + at / 2 + 64);
    return answers[at];
}

QString text_of(std::string_view text) {
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

// "held", "was held": the value is the beginning of one of the words.
bool is_state(RequestState state, const QString& value) {
    if (value == QLatin1String("open"))
        return state == RequestState::asked || state == RequestState::fetching ||
               state == RequestState::filling || state == RequestState::held ||
               state == RequestState::delayed;
    for (const QString& name : {app::name(state), text_of(coldscope::name(state))}) {
        for (const QString& word : name.split(QLatin1Char(' '))) {
            if (word.startsWith(value, Qt::CaseInsensitive))
                return true;
        }
    }
    return false;
}

} // namespace

void RequestFilter::set(const QString& text, bool only_waiting) {
    words_.clear();
    error_.clear();
    only_waiting_ = only_waiting;
    // A quote that is still to be closed is closed here.
    auto words = split_words(text.toStdString());
    if (!words)
        words = split_words(text.toStdString() + '"');
    if (!words)
        return;
    for (const coldscope::Word& word : *words)
        add(QString::fromStdString(word.text));
}

void RequestFilter::forget() {
    for (Word& word : words_) {
        word.readers.clear();
        word.nodes.clear();
        word.objects.clear();
    }
}

void RequestFilter::add(const QString& word) {
    static constexpr std::array prefixes{
        std::pair{"pid:", What::pid}, std::pair{"state:", What::state},
        std::pair{"object:", What::object}, std::pair{"op:", What::op}};
    Word result;
    result.text = word;
    for (const auto& [prefix, what] : prefixes) {
        if (!word.startsWith(QLatin1String(prefix), Qt::CaseInsensitive))
            continue;
        result.what = what;
        result.text = word.mid(QLatin1String(prefix).size());
    }
    if (result.text.isEmpty())
        return; // its value is still to be typed
    if (result.what == What::pid) {
        bool right = false;
        result.number = result.text.toUInt(&right);
        if (!right)
            error_ = QCoreApplication::translate("RequestFilter", "pid: takes a number");
    }
    if (result.what == What::state) {
        for (int state = 0; state <= static_cast<int>(RequestState::held); ++state)
            result.number |= is_state(static_cast<RequestState>(state), result.text)
                                 ? std::uint32_t{1} << state
                                 : 0;
        if (result.number == 0)
            error_ = QCoreApplication::translate("RequestFilter", "no state is called “%1”")
                         .arg(result.text);
    }
    if (result.what == What::op) {
        bool any = false;
        for (const Op op : {Op::open, Op::read, Op::close})
            any = any || text_of(coldscope::name(op)).startsWith(result.text, Qt::CaseInsensitive);
        if (!any)
            error_ = QCoreApplication::translate("RequestFilter", "op: takes open, read or close");
    }
    words_.push_back(std::move(result));
}

bool RequestFilter::matches(Row row) {
    const EventStore& store = workspace_.host().store();
    if (only_waiting_) {
        const RequestState state = store.state(row);
        if (state != RequestState::held && state != RequestState::delayed)
            return false;
    }
    if (!error_.isEmpty())
        return false;
    for (Word& word : words_) {
        if (!matches(word, row))
            return false;
    }
    return true;
}

bool RequestFilter::matches(Word& word, Row at) {
    const EventStore& store = workspace_.host().store();
    const RequestRow& row = store[at];
    switch (word.what) {
    case What::text:
        return in_reader(word, row) || in_object(word, row.object) || in_files(word, row);
    case What::pid:
        return store.reader(row).pid == word.number;
    case What::state:
        return (word.number >> static_cast<unsigned>(store.state(at)) & 1) != 0;
    case What::object:
        return in_object(word, row.object);
    case What::op:
        return text_of(coldscope::name(row.op)).startsWith(word.text, Qt::CaseInsensitive);
    }
    return false;
}

bool RequestFilter::in_reader(Word& word, const RequestRow& row) {
    unsigned char& answer = known(word.readers, row.reader);
    if (answer == 0)
        answer = process_text(workspace_.host().store().reader(row))
                         .contains(word.text, Qt::CaseInsensitive)
                     ? yes
                     : no;
    return answer == yes;
}

bool RequestFilter::in_object(Word& word, ObjectId object) {
    if (object >= first_file_object && word.what == What::text)
        return false; // it is a file, and found as that
    const auto [at, is_new] = word.objects.try_emplace(object, false);
    if (is_new)
        at->second = workspace_.object_name(object).contains(word.text, Qt::CaseInsensitive);
    return at->second;
}

bool RequestFilter::in_files(Word& word, const RequestRow& row) {
    for (const erofs::NodeId node : workspace_.files_of(row, most_files).nodes) {
        unsigned char& answer = known(word.nodes, node);
        if (answer == 0)
            answer = workspace_.path_of(node).contains(word.text, Qt::CaseInsensitive) ? yes : no;
        if (answer == yes)
            return true;
    }
    return false;
}

} // namespace coldscope::app
