// The same layer with -fno-exceptions -fno-rtti: everything comes as an ltx::expected.
#include <chrono>

#include "check.h"
#include "emulator.h"
#include "ltx_jobs.hpp"

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "this program is built without exceptions and without run-time types"
#endif

int main() {
  emulator service;
  emulator_start(&service, "{}");
  {
    ltx::Config config;
    CHECK(config.try_set("api_key", service.api_key) && config.try_set("base_url", service.api_url));
    CHECK(config.try_set("journal", "memory") && config.try_set("poll_interval", "20ms"));
    const auto wrong = config.try_set("pol_interval", "20ms");
    CHECK(!wrong);
    CHECK_INT(wrong.error().status(), LTX_CONFIG);

    int lines = 0;
    CHECK(ltx::try_log_to(ltx::LogLevel::info, [&](const ltx::LogRecord &) { ++lines; }));
    auto client = ltx::Client::try_make(config);
    CHECK(client);
    auto request = ltx::Request::try_make("video-to-video-hdr");
    CHECK(request);
    request->media_file("video_uri", emulator_clip()).max_cost("5");
    auto estimating = client->try_estimate(*request);
    CHECK(estimating);
    const auto estimate = estimating->try_get();
    CHECK(estimate && !estimate->usd.empty() && estimate->basis.find("video_uri") != std::string::npos);
    auto submitting = client->try_submit(*request);
    CHECK(submitting);
    auto job = submitting->try_get();
    CHECK(job);
    const auto committed = client->try_committed();
    CHECK(committed && *committed == "0.00");
    const auto counted = client->try_counters();
    CHECK(counted && counted->jobs_created == 1);
    auto result = job->try_wait(std::chrono::seconds(20));
    CHECK(result);
    CHECK_INT(result->outputs().size(), 2);
    auto opening = result->try_frames();
    CHECK(opening);
    const auto frames = opening->try_get();
    CHECK(frames && frames->size() == 3);
    auto reading = frames->try_read(1);
    CHECK(reading);
    const auto bytes = reading->try_get();
    CHECK(bytes && bytes->size() == (*frames)[1].size);
    auto missing = frames->try_read(3);
    CHECK(missing);
    const auto none = missing->try_get();
    CHECK(!none);
    CHECK_INT(none.error().status(), LTX_INVALID_REQUEST);
    auto stream = frames->try_stream();
    CHECK(stream);
    std::size_t taken = 0;
    for (auto next = stream->try_next(); next && *next; next = stream->try_next(std::chrono::seconds(20))) {
      taken += (*next)->index == taken;
    }
    CHECK(taken == 3 && stream->ended());
    const auto progress = stream->try_snapshot();
    CHECK(progress && progress->frames_done == 3);
    stream->cancel();
    auto waiting = job->try_wait_start();
    CHECK(waiting);
    const auto ended = waiting->try_wait_until([] { return false; });
    CHECK(ended && *ended);
    int told = 0;
    CHECK(client->try_check(ltx::Callbacks::complete([&](const ltx::expected<void> &end) { told += end.has_value() ? 1 : 100; })));
    while (told == 0) {
      const auto ran = client->try_dispatch(std::chrono::seconds(20));
      CHECK(ran && *ran == 1);
    }
    CHECK_INT(told, 1);
    auto recovering = client->try_recover();
    CHECK(recovering);
    const auto found = recovering->try_get();
    CHECK(found && found->jobs.size() == 1 && found->unknown.empty());
    const auto closed = client->try_close(std::chrono::seconds(1));
    CHECK(closed && *closed);
    CHECK(ltx::try_log_off());
    CHECK(lines > 0);
  }
  emulator_stop(&service);
  return 0;
}
