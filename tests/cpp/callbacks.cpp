// Callbacks as callables, futures, and the journal, as a C++ program writes them.
#include <poll.h>

#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "emulator.h"
#include "ltx_jobs.hpp"

using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<ltx::Callbacks> && std::is_nothrow_move_constructible_v<ltx::Callbacks>);

namespace {

class Service {
public:
  explicit Service(const char *programme) { emulator_start(&raw_, programme); }
  ~Service() { emulator_stop(&raw_); }
  Service(const Service &) = delete;
  Service &operator=(const Service &) = delete;
  ltx::Client client() const { return ltx::Client::adopt(emulator_client(&raw_)); }

private:
  emulator raw_;
};

constexpr const char *slow = R"({"job": {"pending_polls": 1000000}})";

ltx::Request request() {
  ltx::Request made("video-to-video-hdr");
  made.media_file("video_uri", emulator_clip()).label("sh010");
  return made;
}

// Counts how often it was destroyed; what was moved from does not count.
class Counted {
public:
  explicit Counted(int &destroyed) : destroyed_(&destroyed) {}
  Counted(Counted &&other) noexcept : destroyed_(std::exchange(other.destroyed_, nullptr)) {}
  Counted(const Counted &) = delete;
  Counted &operator=(const Counted &) = delete;
  Counted &operator=(Counted &&) = delete;
  ~Counted() {
    if (destroyed_ != nullptr) {
      ++*destroyed_;
    }
  }

private:
  int *destroyed_;
};

template <class Function> ltx_status refused(Function &&function) {
  try {
    function();
  } catch (const ltx::Error &error) {
    return error.status();
  }
  return LTX_OK;
}

void callables_that_only_move_are_called_on_the_dispatching_thread_and_destroyed_once() {
  const Service service("{}");
  const ltx::Client client = service.client();
  int destroyed = 0, completed = 0;
  const auto here = std::this_thread::get_id();
  auto told = [&, counted = Counted(destroyed)](const ltx::expected<void> &end) {
    CHECK(end.has_value() && std::this_thread::get_id() == here && destroyed == 0);
    ++completed;
  };
  auto submitting = client.submit_start(request(), ltx::Callbacks::complete(std::move(told)));
  CHECK(submitting.wait(20s) && completed == 0);
  while (destroyed == 0) {
    CHECK(client.dispatch(20s) > 0);
  }
  CHECK(completed == 1 && destroyed == 1 && client.dispatch(0s) == 0);

  // Not handed over, refused, and closed before the end: destroyed once each.
  { const auto unused = ltx::Callbacks::complete([counted = Counted(destroyed)](const ltx::expected<void> &) {}); }
  CHECK_INT(destroyed, 2);
  const auto wrong = client.try_submit(request().set_json("more", "{"), ltx::Callbacks::progress([counted = Counted(destroyed)](const ltx::Progress &) {}));
  CHECK(!wrong && destroyed == 3);
  const auto no_path = client.try_upload("", ltx::Callbacks::progress([counted = Counted(destroyed)](const ltx::Progress &) {}));
  CHECK(!no_path && destroyed == 4);
  const auto abandoned = client.try_check(ltx::Callbacks::complete([&, counted = Counted(destroyed)](const ltx::expected<void> &) { ++completed; }));
  CHECK(abandoned && client.close(1s));
  CHECK(completed == 1 && destroyed == 5);
  CHECK_INT(refused([&] { client.dispatch(0s); }), LTX_CLOSED);
}

void progress_cancels_by_what_it_gives_back_and_nothing_waits_inside() {
  const Service service(slow);
  const ltx::Client client = service.client();
  const ltx::Job job = client.submit(request());
  CHECK(job.label() && *job.label() == "sh010");
  auto endless = job.wait_start();
  int seen = 0;
  std::optional<ltx::Error> end;
  const auto op = job.wait_start(ltx::Callbacks(
      [&](const ltx::Progress &now) {
        CHECK(now.outcome == LTX_PENDING && now.elapsed >= 0ms);
        CHECK_INT(refused([&] { endless.get(); }), LTX_WOULD_DEADLOCK);
        CHECK_INT(refused([&] { client.close(0s); }), LTX_WOULD_DEADLOCK);
        return ++seen == 2;
      },
      [&](const ltx::expected<void> &how) { end = how.error(); }));
  while (!end) {
    client.dispatch(20s);
  }
  CHECK_INT(seen, 2);
  CHECK_INT(end->status(), LTX_CANCELLED);
}

void a_thread_dispatches_and_an_event_loop_does() {
  const Service service("{}");
  const ltx::Client client = service.client();
  const ltx::Job job = client.submit(request());
  std::promise<bool> ended;
  std::thread dispatcher([&] {
    try {
      for (;;) {
        client.dispatch(1min);
      }
    } catch (const ltx::Error &error) {
      CHECK_INT(error.status(), LTX_CLOSED);
    }
  });
  const auto op = job.wait_start(ltx::Callbacks::complete([&](const ltx::expected<void> &end) { ended.set_value(end.has_value()); }));
  CHECK(ended.get_future().get());
  client.close(1s);
  dispatcher.join();

  const ltx::Client second = service.client();
  pollfd watched = {static_cast<int>(second.event_handle()), POLLIN, 0};
  int left = 3;
  for (int count = left; count > 0; --count) {
    CHECK(second.try_check(ltx::Callbacks::complete([&](const ltx::expected<void> &) { --left; })));
  }
  while (left > 0) {
    CHECK_INT(poll(&watched, 1, 20000), 1);
    CHECK(second.dispatch(0s, 1) == 1);
  }
  CHECK_INT(poll(&watched, 1, 0), 0);
}

void an_operation_is_a_future_too() {
  const Service service("{}");
  const ltx::Client client = service.client();
  std::future<ltx::Job> job = client.submit_start(request()).future();
  std::future<ltx::Result> result = job.get().wait_start().future();
  CHECK(result.wait_for(0s) == std::future_status::deferred);
  CHECK_INT(result.get().outputs().size(), 2);
  std::future<ltx::Checked> check = client.try_check().value().future();
  CHECK_INT(check.get().findings.size(), 7);
  // One that is dropped waits for nothing.
  { const auto dropped = client.job("video-to-video-hdr/unheard-of").wait_start().future(); }
  auto lost = client.job("video-to-video-hdr/unheard-of").wait_start().future();
  CHECK_INT(refused([&] { lost.get(); }), LTX_NOT_FOUND);
}

void what_was_left_behind_is_listed_and_settled() {
  const Service service(R"({"fault": [{"route": "submit", "skip": 1, "do": "read_and_close"}]})");
  const ltx::Client client = service.client();
  const ltx::Job job = client.submit(request());
  CHECK_INT(refused([&] { (void)client.submit(request().dest("/shots/020").max_cost("100")); }), LTX_SUBMIT_UNKNOWN);
  const ltx::Recovered found = client.recover();
  CHECK(found.jobs.size() == 1 && found.unknown.size() == 1 && found.other_key.empty());
  CHECK(found.jobs[0].reference() == job.reference());
  CHECK(found.unknown[0].fate == ltx::Fate::unknown && found.unknown[0].label && !found.unknown[0].once && !found.unknown[0].job);
  CHECK(found.unknown[0].doubts == 1 && !found.unknown[0].request_id);
  CHECK(found.unknown[0].dest == "/shots/020" && found.unknown[0].usd && *found.unknown[0].usd > "0.00");
  CHECK(std::chrono::system_clock::now() - found.unknown[0].began_at < 10min);
  CHECK_INT(refused([&] { client.resolve("intent:unheard-of", std::nullopt); }), LTX_NOT_FOUND);
  client.resolve(found.unknown[0].intent, std::nullopt);
  const std::vector<ltx::JournaledSubmit> all = client.jobs();
  CHECK_INT(all.size(), 2);
  CHECK(all[0].fate == ltx::Fate::accepted && all[0].job && *all[0].job == job.reference() && !all[0].saved && !all[0].dest && !all[0].usd);
  CHECK(all[1].fate == ltx::Fate::refused && all[1].doubts == 0);
  CHECK(client.recover().unknown.empty());
}

void the_log_goes_to_a_callable_that_is_destroyed_once() {
  const Service service("{}");
  int destroyed = 0, accepted = 0, polls = 0;
  auto hear = [counted = Counted(destroyed), &accepted](const ltx::LogRecord &line) {
    accepted += line.message == "accepted" && line.spans == "submit" && line.fields.find("job=video-to-video-hdr/") != std::string_view::npos;
    CHECK(line.level <= ltx::LogLevel::info && std::chrono::system_clock::now() - line.time < 10min);
  };
  ltx::log_to(ltx::LogLevel::info, std::move(hear));
  (void)service.client().submit(request());
  CHECK_INT(destroyed, 0);
  ltx::log_to(ltx::LogLevel::debug, [&polls](const ltx::LogRecord &line) { polls += line.target == "ltx_jobs::poll"; });
  CHECK(destroyed == 1 && accepted == 1);
  (void)service.client().submit(request()).wait();
  ltx::log_off();
  CHECK(polls > 0);
  CHECK_INT(refused([&] { ltx::log_to(static_cast<ltx::LogLevel>(9), [counted = Counted(destroyed)](const ltx::LogRecord &) {}); }), LTX_INVALID_ARGUMENT);
  CHECK_INT(destroyed, 2);
}

} // namespace

int main() {
  callables_that_only_move_are_called_on_the_dispatching_thread_and_destroyed_once();
  progress_cancels_by_what_it_gives_back_and_nothing_waits_inside();
  a_thread_dispatches_and_an_event_loop_does();
  an_operation_is_a_future_too();
  what_was_left_behind_is_listed_and_settled();
  the_log_goes_to_a_callable_that_is_destroyed_once();
  return 0;
}
