// Every request that coldscoped told, run by run, as a window that is attached to it keeps them. A
// thread of its own takes them in as a window does, once a frame.
#pragma once

#include "tests/kernel/attached_client.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <thread>
#include <vector>

#include <unistd.h>

namespace coldscope::bench {

class KeptRequests {
public:
    explicit KeptRequests(QString where) : where_(std::move(where)) {
        thread_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
    }
    void stop() {
        thread_.request_stop();
        thread_ = {};
    }
    // After stop(): how many, and where the time of the run with the most of them went.
    void print() const {
        std::size_t all = 0;
        for (const Steps& run : runs_)
            all += run.size();
        std::printf("kept %zu requests of %zu runs\n", all, runs_.size());
        const auto most = std::ranges::max_element(runs_, {}, &Steps::size);
        if (most != runs_.end())
            print_medians(*most);
    }

private:
    static constexpr useconds_t frame_us = 16'000;
    static constexpr std::array names{"asked",   "arrived",  "fetching",
                                      "filling", "answered", "resumed"};
    // When each request came to each of them; 0: never.
    using Steps = std::map<RequestId, std::array<Nanoseconds, names.size()>>;

    void keep(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            test::AttachedClient client(where_);
            while (!stop.stop_requested() && !client.over && !client.unlinked) {
                client.take();
                usleep(frame_us);
            }
            if (!client.records.empty())
                runs_.push_back(steps_of(client));
            usleep(frame_us);
        }
    }

    static Steps steps_of(const test::AttachedClient& client) {
        Steps steps;
        for (const StepRecord& record : client.records) {
            const auto at = std::ranges::find(names, name(record.step));
            if (at != names.end() && record.op == Op::read)
                steps[record.request][static_cast<std::size_t>(at - names.begin())] = record.time;
        }
        for (const KernelTime& time : client.times)
            steps[time.request][time.passed == KernelTime::Passed::asked ? 0 : names.size() - 1] =
                time.time;
        return steps;
    }

    static void print_medians(const Steps& run) {
        std::array<std::vector<Nanoseconds>, names.size() - 1> taken;
        for (const auto& [request, times] : run) {
            if (!std::ranges::is_sorted(times) || times[0] == 0)
                continue;
            for (std::size_t i = 0; i + 1 < times.size(); ++i)
                taken[i].push_back(times[i + 1] - times[i]);
        }
        for (std::size_t i = 0; i + 1 < names.size(); ++i) {
            if (taken[i].empty())
                continue;
            std::ranges::nth_element(taken[i], taken[i].begin() + taken[i].size() / 2);
            std::printf("random, median from %s to %s: %.0f us\n", names[i], names[i + 1],
                        static_cast<double>(taken[i][taken[i].size() / 2]) / 1e3);
        }
    }

    QString where_;
    std::vector<Steps> runs_;
    std::jthread thread_;
};

} // namespace coldscope::bench
