// What the engine sets off for readers and around them, and what all of it comes to.
#include "daemon/engine/engine.h"

namespace coldscope {

// What lies around a miss is fetched beside it, not with it: it makes the miss no later, and fails
// alone.
void Engine::get(StoreId store, Range range, const Store::Plan& plan, Store::Done done,
                 bool wants_bytes) {
    stores_[store]->get(
        range, plan,
        [miss = background_.miss(),
         done = std::move(done)](Result<std::span<const std::byte>> bytes) mutable {
            miss.reset();
            done(std::move(bytes));
        },
        Origin::miss, wants_bytes);
    if (!plan.to_fetch.empty())
        background_.around(store, range);
}

Engine::Traffic& Engine::Traffic::operator+=(const Traffic& other) {
    fetched += other.fetched;
    missed += other.missed;
    amplified += other.amplified;
    prefetched += other.prefetched;
    unused += other.unused;
    return *this;
}

Engine::Traffic Engine::traffic_of(const Store& store) {
    return {store.fetched_bytes(), store.fetched_bytes(Origin::miss),
            store.fetched_bytes(Origin::amplified), store.fetched_bytes(Origin::prefetch),
            store.origins().unused().total()};
}

Engine::Traffic Engine::traffic() const {
    Traffic sum = closed_;
    for (const auto& store : stores_) {
        if (store)
            sum += traffic_of(*store);
    }
    return sum;
}

} // namespace coldscope
