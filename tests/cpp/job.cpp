// One HDR job as a C++ program writes it, and what the layer promises: errors as exceptions, predicates on the caller's thread, handles that move.
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <type_traits>

#include "check.h"
#include "emulator.h"
#include "ltx_jobs.hpp"

using namespace std::chrono_literals;

static_assert(sizeof(ltx::Job) == sizeof(void *) && sizeof(ltx::Client) == sizeof(void *));
static_assert(!std::is_copy_constructible_v<ltx::Job> && std::is_nothrow_move_constructible_v<ltx::Job>);
static_assert(std::is_nothrow_copy_constructible_v<ltx::Error>, "an exception that is copied must not throw another");
static_assert(std::is_base_of_v<std::exception, ltx::Error>);

namespace {

class Service {
public:
  explicit Service(const char *programme) { emulator_start(&raw_, programme); }
  ~Service() { emulator_stop(&raw_); }
  Service(const Service &) = delete;
  Service &operator=(const Service &) = delete;
  ltx::Client client() const { return ltx::Client::adopt(emulator_client(&raw_)); }
  long posts() const { return emulator_count(&raw_, "POST", "/v2/video-to-video-hdr"); }

private:
  emulator raw_;
};

ltx::Request request() {
  ltx::Request made("video-to-video-hdr");
  made.media_file("video_uri", emulator_clip()).set("output_colorspace", "acescg");
  return made;
}

template <class Function> ltx::Error thrown_by(Function &&function) {
  try {
    function();
  } catch (const ltx::Error &error) {
    return error;
  }
  CHECK_TEXT("no error", "an error");
  std::abort();
}

void a_job_goes_all_the_way() {
  const Service service("{}");
  const ltx::Client client = service.client();
  auto submitting = client.submit_start(request().once("sh010_v003").label("sh010").timeout(1min));
  CHECK(submitting.reference() && submitting.reference()->rfind("intent:", 0) == 0);
  const ltx::Job job = submitting.get();
  CHECK(job.endpoint() == "video-to-video-hdr");
  const ltx::Job same = client.submit(request().once("sh010_v003"));
  CHECK(same.id() == job.id());
  CHECK_INT(service.posts(), 1);

  const ltx::Result result = client.job(job.reference()).wait(20s);
  CHECK_INT(result.outputs().size(), 2);
  CHECK(result.outputs()[0].label == "exr_frames_url");
  CHECK(job.snapshot().ended && job.snapshot().status_word == "completed");

  char *made = emulator_directory();
  const std::filesystem::path dest = made;
  std::free(made);
  ltx::DownloadOptions only_video;
  only_video.only = std::vector<std::string>{"video"};
  const ltx::Saved video = result.download(dest, only_video).get();
  CHECK_INT(video.paths().size(), 1);
  CHECK(video.paths()[0] == dest / "video.mp4" && std::filesystem::file_size(video.paths()[0]) == video.bytes());
  auto download = result.download(dest);
  CHECK(download.wait(20s));
  CHECK_INT(download.snapshot().frames_done, 3);
  CHECK_INT(download.get().paths().size(), 4);
  CHECK_INT(thrown_by([&] { download.get(); }).status(), LTX_INVALID_STATE);
  std::filesystem::remove_all(dest);

  CHECK(client.upload(emulator_clip()).rfind("ltx://uploads/", 0) == 0);
  client.check();
  CHECK(client.close(1s));
  CHECK_INT(thrown_by([&] { client.check(); }).status(), LTX_CLOSED);
}

void errors_say_what_they_mean_for_the_bill() {
  const Service service(R"({"job": {"outcome": "failed", "error": {"type": "content_filtered_error", "message": "no"}}})");
  const ltx::Client client = service.client();
  const ltx::Job job = client.submit(request());
  const ltx::Error error = thrown_by([&] { (void)job.wait(); });
  CHECK_INT(error.status(), LTX_CONTENT_FILTERED);
  CHECK_TEXT(error.kind(), "ContentFiltered");
  CHECK(error.billing() == ltx::Billing::not_billed && error.job_ended() && !error.is_retryable());
  CHECK(error.job_ref() && *error.job_ref() == job.reference());
  CHECK(error.api_type() && *error.api_type() == "content_filtered_error");

  // What was set wrongly is told by the submit, before anything is sent.
  const long posts = service.posts();
  CHECK_INT(thrown_by([&] { (void)client.submit(request().set_json("more", "{")); }).status(), LTX_INVALID_ARGUMENT);
  CHECK_INT(thrown_by([] { ltx::Request no("a/b"); }).status(), LTX_INVALID_REQUEST);
  CHECK_INT(thrown_by([] { ltx::Config().set("pol_interval", "5"); }).status(), LTX_CONFIG);
  CHECK_INT(service.posts(), posts);
}

void waits_ask_the_caller_and_stop_at_once() {
  const Service service(R"({"job": {"pending_polls": 1000000}})");
  const ltx::Client client = service.client();
  const ltx::Job job = client.submit(request());
  const ltx::Error limit = thrown_by([&] { (void)job.wait(30ms); });
  CHECK_INT(limit.status(), LTX_WAIT_TIMEOUT);
  CHECK(limit.billing() == ltx::Billing::job_exists);

  auto waiting = job.wait_start();
  CHECK(!waiting.wait(1ms));
  int asked = 0;
  CHECK(!waiting.wait_until([&] { return ++asked == 3; }, 1ms));
  CHECK_INT(asked, 3);
  bool caught = false;
  try {
    waiting.wait_until([]() -> bool { throw std::runtime_error("from the predicate"); });
  } catch (const std::runtime_error &error) {
    caught = std::string(error.what()) == "from the predicate";
  }
  CHECK(caught);

  auto other = waiting.share();
  const auto began = std::chrono::steady_clock::now();
  std::thread canceller([&] { other.cancel(); });
  CHECK_INT(thrown_by([&] { (void)waiting.get(); }).status(), LTX_CANCELLED);
  CHECK(std::chrono::steady_clock::now() - began < 20s);
  canceller.join();
}

void what_a_job_costs_is_known_and_limited_before_it_is_sent() {
  const Service service("{}");
  const ltx::Client client = service.client();
  char clip[1024];
  emulator_media(clip, sizeof clip, "hevc.mp4");
  const auto hdr = [&] {
    ltx::Request made("video-to-video-hdr");
    made.media_file("video_uri", clip);
    return made;
  };
  const ltx::Estimate estimate = client.estimate(hdr());
  CHECK(estimate.usd == "0.10" && estimate.basis.find("0.5 s of video_uri") != std::string::npos);
  const ltx::Error limit = thrown_by([&] { (void)client.submit(hdr().max_cost("0.09")); });
  CHECK_INT(limit.status(), LTX_COST_LIMIT);
  CHECK(limit.billing() == ltx::Billing::no_job);
  // A limit that is none is told, never forgotten.
  CHECK_INT(thrown_by([&] { (void)client.submit(hdr().max_cost("")); }).status(), LTX_INVALID_REQUEST);
  CHECK_INT(thrown_by([&] { (void)client.estimate(ltx::Request("no-endpoint-of-theirs")); }).status(), LTX_UNSUPPORTED);
  CHECK_INT(service.posts(), 0);
  CHECK(client.submit(hdr().max_cost("0.1")).snapshot().warnings.empty());
  CHECK_INT(service.posts(), 1);
  CHECK(client.committed() == "0.00");
  const ltx::Counters counted = client.counters();
  CHECK_INT(counted.posts, service.posts());
  CHECK_INT(counted.submits, counted.jobs_created + counted.submits_refused);
  CHECK(counted.bytes_uploaded > 0 && counted.committed == "0.00");
}

void a_check_reports_every_part_and_throws_what_failed() {
  const Service service("{}");
  const ltx::Client client = service.client();
  const ltx::Checked fine = client.check();
  CHECK(fine.findings.size() == 7 && fine.request_id);
  for (const ltx::Finding &finding : fine.findings) {
    CHECK(finding.state == ltx::FindingState::ok && finding.status == LTX_OK && !finding.detail.empty());
  }
  CHECK(fine.settings[0].key == "api_key" && fine.settings[0].value == "***" && fine.settings[0].origin == "argument");
  client.set_api_key("canary-stale");
  CHECK_INT(thrown_by([&] { client.check(); }).status(), LTX_UNAUTHENTICATED);
  const ltx::Checked refused = client.check(true);
  CHECK(refused.findings[3].what == "key" && refused.findings[3].state == ltx::FindingState::failed);
  CHECK_INT(refused.findings[3].status, LTX_UNAUTHENTICATED);
  CHECK(refused.text.find("key           failed") != std::string::npos && refused.text.find("canary") == std::string::npos);
}

} // namespace

int main() {
  a_job_goes_all_the_way();
  errors_say_what_they_mean_for_the_bill();
  waits_ask_the_caller_and_stop_at_once();
  what_a_job_costs_is_known_and_limited_before_it_is_sent();
  a_check_reports_every_part_and_throws_what_failed();
  return 0;
}
