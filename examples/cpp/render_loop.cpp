// Shows the frames of a finished job in a render loop, while their archive is still arriving: nothing waits for the whole of it, and nothing touches the disk.
//
//   render_loop JOB          JOB is what `hdr` printed, for example video-to-video-hdr/3f2c...
//   render_loop CLIP         submits CLIP first (billed if it succeeds)
//
// The key comes from the environment (LTXV_API_KEY), as does every other setting. Ctrl-C ends the loop at the next frame; nothing is lost, the job stays.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

#include "ltx_jobs.hpp"

using namespace std::chrono_literals;

namespace {

volatile std::sig_atomic_t given_up = 0;

ltx::Job job_of(const ltx::Client &client, const std::string &what) {
  if (!std::filesystem::exists(what)) {
    return client.job(what);
  }
  ltx::Request request("video-to-video-hdr");
  request.media_file("video_uri", what).set("output_colorspace", "acescg").once(what);
  return client.submit(request);
}

// In place of a decoder (OpenEXR reads from memory through an Imf::IStream) and of the texture it fills: says what there is to decode.
void show(const ltx::FrameInfo &about, const ltx::Buffer &bytes) {
  unsigned sum = 0;
  for (const std::uint8_t byte : bytes) {
    sum = sum * 31 + byte;
  }
  std::cout << about.name << ": " << bytes.size() << " bytes, " << std::hex << sum << std::dec << std::endl;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: render_loop JOB|CLIP\n";
    return EXIT_FAILURE;
  }
  std::signal(SIGINT, [](int) { given_up = 1; });
  try {
    const auto client = ltx::Client::from_environment();
    const ltx::Result result = job_of(client, argv[1]).wait(30min);

    // Names, numbers and sizes; one small request.
    ltx::FramesOptions options;
    options.spool = std::filesystem::temp_directory_path(); // used only where the storage has no ranges
    const ltx::Frames frames = result.frames(options);
    std::cout << frames.size() << " frames" << std::endl;

    // Fetched ahead of us over several connections, at most so many bytes at a time.
    ltx::StreamOptions ahead;
    ahead.budget = 64u << 20;
    ltx::FrameStream stream = frames.stream(ahead);
    std::size_t shown = 0;
    while (!given_up && !stream.ended()) {
      // A render loop never waits longer than its picture may stand still.
      if (const std::optional<ltx::Frame> frame = stream.next(16ms)) {
        show(frames[frame->index], frame->bytes);
        ++shown;
      }
      // Here it draws, and answers its user.
    }
    std::cout << shown << " shown\n";
    return shown == frames.size() ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception &error) {
    // One line: what happened, what it means for the bill, what to do next.
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
