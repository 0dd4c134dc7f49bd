// Frames as a C++ program handles them: a list to go over, bytes that are moved, a stream in a loop, and the same without exceptions in without_exceptions.cpp.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "check.h"
#include "emulator.h"
#include "ltx_jobs.hpp"

using namespace std::chrono_literals;

static_assert(sizeof(ltx::Frames) == sizeof(void *) && sizeof(ltx::FrameStream) == sizeof(void *) && sizeof(ltx::Buffer) == sizeof(void *));
static_assert(!std::is_copy_constructible_v<ltx::Buffer> && std::is_nothrow_move_constructible_v<ltx::Buffer>);
static_assert(!std::is_copy_constructible_v<ltx::Frame> && std::is_nothrow_move_constructible_v<ltx::Frame>);

namespace {

class Service {
public:
  explicit Service(const char *programme) { emulator_start(&raw_, programme); }
  ~Service() { emulator_stop(&raw_); }
  Service(const Service &) = delete;
  Service &operator=(const Service &) = delete;
  ltx::Client client() const { return ltx::Client::adopt(emulator_client(&raw_)); }
  void fault(const char *json) const { emulator_fault(&raw_, json); }

private:
  emulator raw_;
};

template <class Function> ltx::Error thrown_by(Function &&function) {
  try {
    function();
  } catch (const ltx::Error &error) {
    return error;
  }
  CHECK_TEXT("no error", "an error");
  std::abort();
}

bool is_exr(const ltx::Buffer &bytes) { return bytes.size() > 4 && std::memcmp(bytes.data(), "\x76\x2f\x31\x01", 4) == 0; }

std::filesystem::path directory() {
  char *made = emulator_directory();
  std::filesystem::path path(made);
  std::free(made);
  return path;
}

void a_list_is_gone_over_read_and_saved() {
  const Service service(R"({"archive":{"frames":5,"first_index":1001,"name":"sh010.{:04}.exr"}})");
  const ltx::Client client = service.client();
  const ltx::Result result = ltx::Result::adopt(emulator_result(client.c_ptr()));
  const ltx::Frames frames = result.frames();
  CHECK(frames.label() == "exr_frames_url" && frames.size() == 5 && !frames.empty());
  std::vector<std::string> names;
  std::int64_t number = 1001;
  for (const ltx::FrameInfo &frame : frames) {
    names.emplace_back(frame.name);
    CHECK(frame.number == number++ && frame.size > 1000);
  }
  CHECK(names.size() == 5 && names.front() == "sh010.1001.exr");
  CHECK(std::any_of(frames.begin(), frames.end(), [](const ltx::FrameInfo &frame) { return frame.name == "sh010.1004.exr"; }));
  CHECK(frames.find_number(1003) == std::size_t{2} && !frames.find_number(7));
  CHECK(frames[4].name == names.back());

  const ltx::Buffer bytes = frames.read(2).get();
  CHECK(is_exr(bytes) && bytes.size() == frames[2].size);
  CHECK_INT(thrown_by([&] { frames.read(5).get(); }).status(), LTX_INVALID_REQUEST);

  const std::filesystem::path dest = directory();
  ltx::ExtractOptions options;
  options.from = 1;
  options.count = 2;
  options.frame_name = "sh020.{frame}.exr";
  options.first_frame = 1;
  int told = 0;
  auto extracting = frames.extract(dest, options, ltx::Callbacks::complete([&](const ltx::expected<void> &end) { told += end.has_value() ? 1 : 100; }));
  while (told == 0) {
    client.dispatch(20s);
  }
  CHECK_INT(told, 1);
  CHECK(extracting.frame_path(2) == dest / "sh020.3.exr" && !extracting.frame_path(0) && !extracting.frame_path(3));
  const ltx::Saved saved = extracting.get();
  CHECK(saved.paths().size() == 2 && saved.paths().front() == dest / "sh020.2.exr");
  std::ifstream file(dest / "sh020.3.exr", std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  CHECK(std::equal(bytes.begin(), bytes.end(), content.begin(), content.end(), [](std::uint8_t one, char other) { return one == static_cast<std::uint8_t>(other); }));

  ltx::FramesOptions other;
  other.label = "video";
  CHECK_INT(thrown_by([&] { (void)result.frames(other); }).status(), LTX_ARCHIVE);
}

void a_loop_takes_frames_as_they_come() {
  const Service service(R"({"archive":{"frames":12,"compression":"none","padding":500000}})");
  const ltx::Client client = service.client();
  const ltx::Result result = ltx::Result::adopt(emulator_result(client.c_ptr()));
  const ltx::Frames frames = result.frames();
  std::vector<ltx::Buffer> kept;
  std::size_t next = 0;
  for (ltx::Frame &frame : frames.stream()) {
    CHECK(frame.index == next++ && is_exr(frame.bytes) && frame.bytes.size() == frames[frame.index].size);
    kept.push_back(std::move(frame.bytes));
  }
  CHECK_INT(kept.size(), 12);
  ltx::StreamOptions some;
  some.from = 10;
  some.budget = 1u << 20;
  some.connections = 2;
  ltx::FrameStream stream = frames.stream(some);
  CHECK(stream.next()->index == 10 && !stream.ended());
  CHECK(stream.next(20s)->index == 11);
  CHECK(!stream.next() && stream.ended() && !stream.next(1s));
  CHECK(stream.snapshot().frames_total == 2);
}

void a_damaged_frame_is_thrown_out_of_the_loop() {
  const Service service(R"({"archive":{"frames":4,"compression":"none","padding":100000}})");
  const ltx::Client client = service.client();
  const ltx::Result result = ltx::Result::adopt(emulator_result(client.c_ptr()));
  const ltx::Frames frames = result.frames();
  const std::string at = std::to_string(frames[0].size + 50000);
  service.fault((R"({"route":"download:exr_frames_url","do":"corrupt_byte","times":0,"at":)" + at + "}").c_str());
  std::size_t seen = 0;
  const ltx::Error error = thrown_by([&] {
    for (const ltx::Frame &frame : frames.stream()) {
      seen += frame.bytes.size() > 0;
    }
  });
  CHECK_INT(error.status(), LTX_INTEGRITY);
  CHECK(seen == 1 && error.message().find("frame_00002.exr") != std::string::npos);
}

void another_thread_gives_up() {
  const Service service(R"({"archive":{"frames":12,"compression":"none","padding":1000000}})");
  const ltx::Client client = service.client();
  const ltx::Result result = ltx::Result::adopt(emulator_result(client.c_ptr()));
  const ltx::Frames frames = result.frames();
  // The first answer comes whole, with less than all of them; then the loop waits for more until it is told to stop.
  service.fault(R"({"route":"download:exr_frames_url","do":"stall","at":1000,"skip":1,"times":0})");
  ltx::StreamOptions one;
  one.connections = 1;
  ltx::FrameStream stream = frames.stream(one);
  std::atomic<int> seen{0};
  std::thread render([&, reading = stream.share()]() mutable {
    const ltx::Error error = thrown_by([&] {
      for (const ltx::Frame &frame : reading) {
        seen += is_exr(frame.bytes) ? 1 : 100;
      }
    });
    CHECK_INT(error.status(), LTX_CANCELLED);
  });
  while (seen == 0) {
    std::this_thread::sleep_for(1ms);
  }
  CHECK(!stream.ended());
  stream.cancel();
  render.join();
  CHECK(seen >= 1 && seen < 12);
  CHECK(stream.ended());
  CHECK_INT(thrown_by([&] { (void)stream.next(); }).status(), LTX_CANCELLED);
}

void a_storage_without_ranges_needs_a_directory() {
  const Service service(R"({"storage":{"ranges":false}})");
  const ltx::Client client = service.client();
  const ltx::Result result = ltx::Result::adopt(emulator_result(client.c_ptr()));
  CHECK_INT(thrown_by([&] { (void)result.frames(); }).status(), LTX_UNSUPPORTED);
  ltx::FramesOptions options;
  options.spool = directory();
  const ltx::Frames frames = result.frames(options);
  std::size_t seen = 0;
  for (const ltx::Frame &frame : frames.stream()) {
    seen += is_exr(frame.bytes);
  }
  CHECK_INT(seen, 3);
}

void a_download_is_told_how() {
  const Service service(R"({"archive":{"frames":1}})");
  const ltx::Client client = service.client();
  const ltx::Result result = ltx::Result::adopt(emulator_result(client.c_ptr()));
  const std::filesystem::path dest = directory();
  ltx::DownloadOptions options;
  options.only = std::vector<std::string>{"video"};
  options.connections = 1;
  options.bandwidth = 100'000'000;
  service.fault(R"({"route":"download:video_url","do":"stall","at":100})");
  auto holder = result.download(dest, options);
  while (holder.snapshot().bytes_done == 0) {
    std::this_thread::sleep_for(1ms);
  }
  CHECK(!holder.snapshot().waiting_for);
  options.lock_timeout = 0ms;
  CHECK_INT(thrown_by([&] { result.download(dest, options).get(); }).status(), LTX_LOCKED);
  options.lock_timeout.reset();
  auto waiting = result.download(dest, options);
  while (!waiting.snapshot().waiting_for) {
    std::this_thread::sleep_for(1ms);
  }
  // The other one gives up, and leaves what it has.
  holder.cancel();
  CHECK_INT(waiting.get().paths().size(), 1);
  options.connections = 65;
  CHECK_INT(thrown_by([&] { result.download(dest, options).get(); }).status(), LTX_INVALID_REQUEST);
  options.connections = 1;
  options.resume = false;
  CHECK_INT(result.download(dest, options).get().paths().size(), 1);
}

} // namespace

int main() {
  a_list_is_gone_over_read_and_saved();
  a_loop_takes_frames_as_they_come();
  a_damaged_frame_is_thrown_out_of_the_loop();
  another_thread_gives_up();
  a_storage_without_ranges_needs_a_directory();
  a_download_is_told_how();
  return 0;
}
