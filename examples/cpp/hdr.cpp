// Turns a clip into HDR frames: submits it, waits, saves the EXR frames and the preview.
//
//   hdr CLIP DIRECTORY
//
// The key comes from the environment (LTXV_API_KEY), as does every other setting (LTX_BASE_URL, ...). A successful job is billed.
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "ltx_jobs.hpp"

using namespace std::chrono_literals;

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: hdr CLIP DIRECTORY\n";
    return EXIT_FAILURE;
  }
  try {
    const auto client = ltx::Client::from_environment();

    ltx::Request request("video-to-video-hdr");
    request.media_file("video_uri", argv[1]).set("output_colorspace", "acescg").once(argv[1]);

    const ltx::Job job = client.submit(request);
    std::cout << "job " << job.reference() << '\n';

    const ltx::Result result = job.wait(30min);

    auto download = result.download(argv[2]);
    while (!download.wait(1s)) {
      const ltx::Progress progress = download.snapshot();
      std::cerr << progress.frames_done << " frames, " << progress.bytes_done << " bytes\n";
    }
    const ltx::Saved saved = download.get();
    for (const auto &path : saved.paths()) {
      std::cout << path.string() << '\n';
    }
    std::cout << saved.bytes() << " bytes\n";
    return EXIT_SUCCESS;
  } catch (const ltx::Error &error) {
    // One line: what happened, what it means for the bill, what to do next.
    std::cerr << error.kind() << ": " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
