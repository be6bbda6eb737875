#include "app/models/rules_model.h"

#include "app/steer/steering.h"
#include "app/style/look.h"
#include "app/style/marks.h"

#include <algorithm>
#include <set>

namespace coldscope::app {

RulesModel::RulesModel(Workspace& workspace, QObject* parent)
    : QAbstractTableModel(parent), workspace_(workspace), rules_(workspace.host().rules()) {
    connect(&workspace_.host(), &RunHost::rules_changed, this, &RulesModel::update);
    connect(&workspace_.host(), &RunHost::phase_changed, this, &RulesModel::update);
}

void RulesModel::update() {
    const std::vector<Run::RuleText>& now = workspace_.host().rules();
    const auto same = [](const Run::RuleText& one, const Run::RuleText& other) {
        return one.id == other.id && one.text == other.text;
    };
    for (int at = rowCount() - 1; at >= 0; --at) {
        const Run::RuleText& rule = rules_[static_cast<std::size_t>(at)];
        if (std::ranges::any_of(now, [&](const auto& other) { return same(rule, other); }))
            continue;
        beginRemoveRows({}, at, at);
        rules_.erase(rules_.begin() + at);
        endRemoveRows();
    }
    // New rules have greater numbers, so that they stand behind the others.
    if (now.size() > rules_.size()) {
        beginInsertRows({}, rowCount(), static_cast<int>(now.size()) - 1);
        rules_ = now;
        endInsertRows();
    }
}

bool RulesModel::clear_rules(const QModelIndexList& lines) {
    std::set<std::uint32_t> ids; // since each one that goes moves the others
    for (const QModelIndex& line : lines) {
        if (checkIndex(line, CheckIndexOption::IndexIsValid))
            ids.insert(rules_[static_cast<std::size_t>(line.row())].id);
    }
    return std::ranges::all_of(ids, [this](std::uint32_t rule) {
        return steer(workspace_, QStringLiteral("clear %1").arg(rule));
    });
}

int RulesModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(rules_.size());
}

int RulesModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : columns;
}

QVariant RulesModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const Run::RuleText& rule = rules_[static_cast<std::size_t>(index.row())];
    if (role == Qt::DecorationRole && index.column() == action) {
        switch (rule.action) {
        case Action::hold:
            return icon("media-playback-pause");
        case Action::delay:
            return icon("delay");
        case Action::fail:
            return icon("fail");
        case Action::pass:
            break;
        }
        return {};
    }
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole)
        return {};
    switch (index.column()) {
    case id:
        return QString::number(rule.id);
    case action:
        switch (rule.action) {
        case Action::hold:
            return tr("hold");
        case Action::delay:
            return tr("delay");
        case Action::fail:
            return tr("fail");
        case Action::pass:
            return tr("pass");
        }
        return {};
    case text:
        return QString::fromStdString(rule.text);
    default:
        return {};
    }
}

QVariant RulesModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation == Qt::Horizontal && role == Qt::TextAlignmentRole)
        return static_cast<int>(Qt::AlignLeft | Qt::AlignVCenter);
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole)
        return {};
    switch (section) {
    case id:
        return tr("Rule");
    case action:
        return tr("Action");
    case text:
        return tr("As commanded");
    default:
        return {};
    }
}

} // namespace coldscope::app
