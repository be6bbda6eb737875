// Which requests a table lists: words that must all match.
//
//   cat            in the process, the object or a path of its files
//   pid:412        of this process
//   state:held     in this state now; beginnings do: state:ref; state:open for all that wait
//   object:layer   in the object's name
//   op:read        open, read or close
#pragma once

#include "app/run/workspace.h"

#include <QString>
#include <QStringList>
#include <optional>
#include <unordered_map>
#include <vector>

namespace coldscope::app {

class RequestFilter {
public:
    explicit RequestFilter(const Workspace& workspace) : workspace_(workspace) {}

    void set(const QString& text, bool only_waiting);
    // Another image or run: what was found out of readers, objects and files is no more true.
    void forget();
    [[nodiscard]] bool all() const { return words_.empty() && !only_waiting_; }
    // What is wrong with a word, for people; such a word matches nothing.
    [[nodiscard]] const QString& error() const { return error_; }
    // What was answered for a row may be another as long as the row is open.
    [[nodiscard]] bool matches(Row row);

private:
    enum class What : unsigned char { text, pid, state, object, op };
    struct Word {
        What what = What::text;
        QString text;
        std::uint32_t number = 0; // the pid, or a bit for each state
        // Answers that don't depend on the row: 0 not known, 1 no, 2 yes.
        std::vector<unsigned char> readers;
        std::vector<unsigned char> nodes;
        std::unordered_map<ObjectId, bool> objects;
    };

    void add(const QString& word);
    bool matches(Word& word, Row row);
    bool in_reader(Word& word, const RequestRow& row);
    bool in_object(Word& word, ObjectId object);
    bool in_files(Word& word, const RequestRow& row);

    const Workspace& workspace_;
    std::vector<Word> words_;
    bool only_waiting_ = false;
    QString error_;
};

} // namespace coldscope::app
