#include "app/run/selection.h"

namespace coldscope::app {

void Selection::push(std::vector<Chosen>& stack) {
    if (stack.size() == most)
        stack.erase(stack.begin());
    stack.push_back(current_);
}

void Selection::choose(const Chosen& chosen) {
    if (chosen == current_)
        return;
    if (current_.by != Chosen::By::nothing)
        push(back_);
    forward_.clear();
    current_ = chosen;
    Q_EMIT changed();
}

void Selection::remember_view(TimeSpan view) {
    if (current_.view == view)
        return;
    if (current_.view) {
        push(back_);
        forward_.clear();
    }
    current_.view = view;
    Q_EMIT changed();
}

void Selection::back() {
    if (back_.empty())
        return;
    push(forward_);
    current_ = back_.back();
    back_.pop_back();
    Q_EMIT changed();
}

void Selection::forward() {
    if (forward_.empty())
        return;
    push(back_);
    current_ = forward_.back();
    forward_.pop_back();
    Q_EMIT changed();
}

void Selection::clear() {
    current_ = {};
    back_.clear();
    forward_.clear();
    Q_EMIT changed();
}

} // namespace coldscope::app
