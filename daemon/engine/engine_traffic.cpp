// What the engine sets off for readers and around them, and what all of it comes to.
#include "daemon/engine/engine.h"

namespace coldscope {

// What lies around a miss is fetched beside it, not with it: it makes the miss no later, and fails
// alone.
void Engine::get(StoreId store, Range range, const Store::Plan& plan, Store::Done done) {
    stores_[store]->get(range, plan,
                        [miss = background_.miss(),
                         done = std::move(done)](Result<std::span<const std::byte>> bytes) mutable {
                            miss.reset();
                            done(std::move(bytes));
                        });
    if (!plan.to_fetch.empty())
        background_.around(store, range);
}

Engine::Traffic Engine::traffic() const {
    Traffic sum;
    for (const auto& store : stores_) {
        if (!store)
            continue;
        sum.fetched += store->fetched_bytes();
        sum.missed += store->fetched_bytes(Origin::miss);
        sum.amplified += store->fetched_bytes(Origin::amplified);
        sum.prefetched += store->fetched_bytes(Origin::prefetch);
        sum.unused += store->origins().unused().total();
    }
    return sum;
}

} // namespace coldscope
