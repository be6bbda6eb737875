// What the detail says of a request, in words.
#include "app/detail/request_detail.h"
#include "app/steer/steering.h"
#include "app/style/look.h"
#include "app/style/text.h"

#include <QStringList>
#include <algorithm>

namespace coldscope::app {

QString RequestDetail::what_text() const {
    const RequestRow& request = workspace_.host().store()[*row_];
    const QString object = workspace_.object_name(request.object);
    switch (request.op) {
    case Op::open:
        return tr("open %1").arg(object);
    case Op::close:
        return tr("close %1").arg(object);
    case Op::read:
        break;
    }
    return tr("read %1 of %2")
        .arg(range_text({request.offset, request.offset + request.length}), object);
}

QString RequestDetail::who_text() const {
    const EventStore& store = workspace_.host().store();
    const Reader& reader = store.reader(store[*row_]);
    if (store[*row_].background())
        return tr("by Coldscope, for no reader");
    const QString name =
        QString::fromUtf8(reader.name().data(), static_cast<qsizetype>(reader.name().size()));
    if (reader.pid == 0)
        return name.isEmpty() ? tr("for a reader that the kernel does not name")
                              : tr("for %1").arg(name);
    QString text = tr("for %1 (%2)").arg(name.isEmpty() ? tr("process") : name);
    const ReaderFacts* facts = workspace_.host().facts_of(store[*row_]);
    if (facts == nullptr || facts->process == 0)
        return text.arg(reader.pid);
    text = text.arg(facts->process);
    if (facts->process != reader.pid)
        text += tr(", thread %1").arg(reader.pid);
    if (!facts->cgroup.empty() && facts->cgroup != "/")
        text += tr(", in %1").arg(container_text(facts->cgroup));
    return text;
}

QString RequestDetail::state_text() const {
    const EventStore& store = workspace_.host().store();
    const RequestRow& request = store[*row_];
    const Steering steering = store.steering(request);
    const RequestState state = store.state(*row_);
    const Nanoseconds now = workspace_.host().now();
    const auto since = [now](Nanoseconds time) {
        return duration_text(now > time ? now - time : 0);
    };
    switch (state) {
    case RequestState::prefetched:
        return request.open()
                   ? tr("on its way for %1").arg(since(request.start))
                   : tr("%1 after %2")
                         .arg(app::name(state), duration_text(request.end() - request.start));
    case RequestState::held:
        return tr("held for %1: the reader waits").arg(since(steering.held));
    case RequestState::delayed:
        return tr("delayed for %1: the reader waits").arg(since(steering.delayed));
    case RequestState::asked:
    case RequestState::fetching:
    case RequestState::filling:
        return tr("%1 for %2").arg(app::name(state), since(request.start));
    case RequestState::was_held:
        return tr("answered after %1; it was held")
            .arg(duration_text(request.end() - request.start));
    case RequestState::was_delayed:
        return tr("answered after %1; it was delayed")
            .arg(duration_text(request.end() - request.start));
    case RequestState::refault:
        return tr("answered after %1 from what was local")
            .arg(duration_text(request.end() - request.start));
    default:
        return tr("%1 after %2")
            .arg(app::name(state), duration_text(request.end() - request.start));
    }
}

QString RequestDetail::flags_text() const {
    const RequestRow& request = workspace_.host().store()[*row_];
    QStringList words;
    if (const std::string* why = workspace_.host().failure_of(request.id))
        words.push_back(tr("It failed: %1.").arg(QString::fromStdString(*why)));
    if (const AskedThrough* through = workspace_.host().asked_through(request.id))
        words.push_back(tr("Asked through %1, served by this image: their mounts share memory.")
                            .arg(QString::fromStdString(through->file)));
    if ((request.flags & flag::refault) != 0)
        words.push_back(tr("A refault: every byte was local already."));
    if ((request.flags & flag::joined) != 0)
        words.push_back(tr("Joined: it shared a fetch that was on its way."));
    if ((request.flags & flag::prefetch) != 0)
        words.push_back(tr("Prefetched: no reader asked for it."));
    if ((request.flags & flag::amplified) != 0)
        words.push_back(tr("Amplified: it lies around a miss; no reader asked for it."));
    if ((request.flags & flag::partial) != 0)
        words.push_back(tr("Answered with less than the truth, on purpose."));
    if ((request.flags & flag::own) != 0)
        words.push_back(tr("Asked by Coldscope itself or by its mount; never held."));
    if ((request.flags & flag::observer) != 0)
        words.push_back(tr("Asked by an observer of the page cache; never held."));
    if (request.rule != 0) {
        QString text;
        for (const Run::RuleText& rule : workspace_.host().rules()) {
            if (rule.id == static_cast<std::uint32_t>(request.rule))
                text = QString::fromStdString(rule.text);
        }
        words.push_back(text.isEmpty() ? tr("Decided by rule %1.").arg(request.rule)
                                       : tr("Decided by rule %1: %2.").arg(request.rule).arg(text));
    } else if ((request.flags & flag::by_rule) != 0) {
        words.push_back(tr("Decided by a rule."));
    }
    if ((request.flags & flag::by_hand) != 0)
        words.push_back(tr("Decided by hand."));
    if (request.arrival_lost)
        words.push_back(tr("The record of its arrival was lost: times count from its first one."));
    return words.join(u' ');
}

QString RequestDetail::result_text() const {
    const RequestRow& request = workspace_.host().store()[*row_];
    if (request.open())
        return {};
    if (request.last == Step::lost)
        return request.background()  ? tr("The run ended before it came.")
               : request.result != 0 ? tr("Nobody waits for the answer any more.")
                                     : tr("How it ended was not seen: the run or the link to it "
                                          "ended before.");
    if (request.background())
        return request.result != 0 ? tr("It failed: %1. No reader was told.")
                                         .arg(QString::fromStdString(errno_name(request.result)))
                                   : tr("%1 were fetched.").arg(size_text(request.fetched));
    if (request.result != 0)
        return tr("It failed: %1.").arg(reader_gets(workspace_, request.result));
    if (request.op != Op::read)
        return tr("The reader got an answer without an error.");
    if (request.fetched == 0)
        return tr("The reader got its bytes; nothing was fetched for them.");
    return tr("The reader got its bytes; %1 were fetched for them.")
        .arg(size_text(request.fetched));
}

QString RequestDetail::files_text() const {
    const RequestRow& request = workspace_.host().store()[*row_];
    if (!workspace_.host().has_image())
        return {};
    const Workspace::Files files = workspace_.files_of(request, 8);
    if (files.nodes.empty())
        return request.object == 0 ? tr("Files: none; this is metadata.")
                                   : tr("Files: none has bytes here.");
    QStringList links;
    for (const erofs::NodeId node : files.nodes)
        links.push_back(QStringLiteral("<a href=\"%1\">%2</a>")
                            .arg(node)
                            .arg(workspace_.path_of(node).toHtmlEscaped()));
    if (files.more)
        links.push_back(tr("and more"));
    return tr("Files: %1").arg(links.join(QStringLiteral(", ")));
}

} // namespace coldscope::app
