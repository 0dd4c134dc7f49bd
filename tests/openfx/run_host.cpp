// The plug-in of examples/openfx in a small host, step by step, against the emulator: what a host does with it from scanning to unloading, and what a user
// and a farm do in between.
//
//   run_host PLUGIN.ofx [--patient]
//
// --patient: without limits of time, for where everything is slow.
//
// Each step says what was seen; the first thing that is not so ends the program.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "check.h"
#include "emulator.h"
#include "expected.hpp"
#include "small_host.hpp"
#include "threads.h"

namespace {

constexpr int frames = 12;
constexpr int first = 1001;
// The promise of the library: whoever gives up is back in that time.
double quick = 100;

void step(const std::string &what) {
  static int number = 0;
  std::printf("openfx %2d: %s\n", ++number, what.c_str());
  std::fflush(stdout);
}

std::string in_ms(double time) { return std::to_string(static_cast<int>(time + 0.5)) + " ms (limit " + std::to_string(static_cast<int>(quick)) + ")"; }

std::string text_of(const small::Effect &instance, const char *name) { return std::get<std::string>(instance.params.at(name)->value); }

void is(const std::string &seen, const std::string &wanted) {
  if (seen != wanted) {
    std::fprintf(stderr, "\"%s\" instead of \"%s\"\n", seen.c_str(), wanted.c_str());
    std::exit(1);
  }
}

void no_misdeeds() {
  for (const std::string &misdeed : small::misdeeds()) {
    std::fprintf(stderr, "the plug-in did what it must not: %s\n", misdeed.c_str());
  }
  CHECK(small::misdeeds().empty());
}

// Every pixel, and not only that something came.
void check_frame(const small::Rendered &seen, const small::Effect &instance, int number) {
  if (seen.status != kOfxStatOK) {
    std::fprintf(stderr, "frame %d: status %d, \"%s\"\n", number, seen.status, seen.message.c_str());
  }
  CHECK_INT(seen.status, kOfxStatOK);
  CHECK_INT(expected::wrong(seen.image->floats, instance.width, instance.height, number), 0);
}

bool never() { return false; }

/** The host gives up right after the k-th question was answered with no, the worst moment, and remembers when that was. */
struct GiveUp {
  int at;
  int asked = 0;
  std::chrono::steady_clock::time_point when{};
  bool operator()() {
    if (++asked == at) {
      when = std::chrono::steady_clock::now();
    }
    return asked > at;
  }
  bool gave_up() const { return asked > at; }
  double since() const { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - when).count(); }
};

/** Renders until the plug-in has asked k times, and gives up; gives how long it took from then. */
double gives_up(small::Binary &host, small::Effect &instance, double time, int at) {
  GiveUp give_up{at};
  const small::Rendered seen = host.render(instance, time, false, [&] { return give_up(); });
  const double late = give_up.since();
  CHECK_INT(seen.status, kOfxStatOK);
  CHECK(give_up.gave_up());
  return late;
}

void environment(const emulator &service, const std::string &journal) {
  setenv("LTX_BASE_URL", service.api_url, 1);
  setenv("LTXV_API_KEY", service.api_key, 1);
  setenv("LTX_JOURNAL", journal.c_str(), 1);
  setenv("LTX_POLL_INTERVAL", "20ms", 1);
}

long submits(const emulator &service) { return emulator_count(&service, "POST", "/v2/video-to-video-hdr"); }

void unloaded(small::Binary &host, int threads, const char *when) {
  const auto began = std::chrono::steady_clock::now();
  CHECK_INT(host.unload(), kOfxStatOK);
  const double took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  CHECK(threads_are(threads));
  CHECK(took < 30 * quick);
  step(std::string("unloaded ") + when + " in " + std::to_string(static_cast<int>(took)) + " ms (limit " + std::to_string(static_cast<int>(30 * quick)) + "): as many threads as before");
}

} // namespace

int main(int argc, char **argv) {
  CHECK(argc == 2 || argc == 3);
  if (argc == 3) {
    quick = 60000;
  }
  alarm(400);
  const std::string path = argv[1];
  char *scratch = emulator_directory();
  const std::string journal = std::string(scratch) + "/journal";
  // The job ends when its clock is moved, and its frames are large enough to arrive one by one.
  emulator service;
  char programme[512];
  std::snprintf(programme, sizeof programme,
                "{\"job\":{\"advance\":\"clock\",\"pending_ms\":1800000,\"processing_ms\":1800000},"
                "\"archive\":{\"frames\":%d,\"first_index\":%d,\"compression\":\"zip\",\"padding\":200000}}",
                frames, first);
  emulator_start(&service, programme);
  environment(service, journal);
  const int threads = threads_now();

  {
    small::Binary host(path, false);
    CHECK_INT(host.load(), kOfxStatOK);
    const auto described = host.describe(kOfxImageEffectContextGenerator);
    is(described->properties.text(kOfxImageEffectPluginRenderThreadSafety), kOfxImageEffectRenderInstanceSafe);
    CHECK(described->clips.count("Output") == 1 && described->clips.count("Source") == 0);
    CHECK_INT(host.describe(kOfxImageEffectContextFilter)->clips.count("Source"), 1);
    CHECK_INT(described->params.at("job")->properties.get<int>("OfxParamPropSecret", 0), 1);
    CHECK_INT(threads_now(), threads);
    CHECK_INT(host.unload(), kOfxStatOK);
    CHECK_INT(emulator_count(&service, "*", "*"), 0);
    step("scanned: " + host.identifier() + ", loaded, described, unloaded; no thread was started, nothing was sent");

    // Loaded again, in the same mapping, as hosts do.
    CHECK_INT(host.load(), kOfxStatOK);
    auto node = host.create(*host.describe(kOfxImageEffectContextFilter), kOfxImageEffectContextFilter, 64, 36, true, nullptr);
    is(host.identity(*node, 1), "Source");
    host.destroy(std::move(node));
    CHECK_INT(threads_now(), threads);
    step("loaded again; an instance as a filter, with nothing generated yet, stands for its source");
    CHECK_INT(host.unload(), kOfxStatOK);
  }

  small::Saved project;
  {
    small::Binary host(path, false);
    CHECK_INT(host.load(), kOfxStatOK);
    const auto described = host.describe(kOfxImageEffectContextGenerator);
    auto node = host.create(*described, kOfxImageEffectContextGenerator, 80, 40, true, nullptr);
    host.type(*node, "clip", std::string(emulator_clip()));
    host.type(*node, "once", std::string("sh010_v003"));
    host.type(*node, "firstFrame", first);
    small::Rendered seen = host.render(*node, first, true, never);
    CHECK_INT(seen.status, kOfxStatOK);
    CHECK(seen.image->floats.front() == 0.0F && seen.message.find("press Generate") != std::string::npos);
    CHECK_INT(host.render(*node, first, false, never).status, kOfxStatFailed);
    CHECK_INT(emulator_count(&service, "*", "*"), 0);
    step("rendered before anything was generated: empty where somebody looks, failed on a farm, and nothing was submitted");

    // A user who gives up while the clip is on its way: nothing exists, nothing is stored.
    emulator_fault(&service, "{\"route\":\"put\",\"do\":\"read_and_never_answer\"}");
    std::chrono::steady_clock::time_point gave_up;
    node->give_up = [&] {
      gave_up = std::chrono::steady_clock::now();
      return emulator_count(&service, "PUT", "*") == 1;
    };
    host.press(*node, "generate");
    const double back = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - gave_up).count();
    CHECK_INT(emulator_count(&service, "PUT", "*"), 1);
    CHECK(back < quick);
    is(text_of(*node, "job"), "");
    CHECK_INT(submits(service), 0);
    step("gave up in the progress bar: back after " + in_ms(back) + ", \"" + text_of(*node, "status") + "\"");

    node->give_up = nullptr;
    node->bar_updates = 0;
    host.press(*node, "generate");
    const std::string job = text_of(*node, "job");
    CHECK(job.rfind("video-to-video-hdr/", 0) == 0);
    CHECK(node->bar_updates > 0 && !node->bar_open);
    CHECK_INT(submits(service), 1);
    step("pressed Generate: the bar moved " + std::to_string(node->bar_updates) + " times, the project has the job " + job);
    host.press(*node, "generate");
    is(text_of(*node, "job"), job);
    CHECK_INT(submits(service), 1);
    step("pressed it again with the same once key: the same job, one submit");

    seen = host.render(*node, first, true, never);
    CHECK_INT(seen.status, kOfxStatOK);
    CHECK(seen.image->floats.front() == 0.0F && seen.message.find("generating") != std::string::npos);
    CHECK(seen.milliseconds < quick);
    step("rendered where somebody looks, before the job ends: back after " + in_ms(seen.milliseconds) + ", \"" + seen.message + "\"");

    const double late = gives_up(host, *node, first, 5);
    CHECK(late < quick);
    step("a farm's render that waits for the job, and that is given up after its 5th abort(): back after " + in_ms(late));

    // Now the farm waits, on eight threads with an instance each, as a host copies them; then the job ends. Two are given up on the way.
    std::vector<std::thread> renderers;
    std::vector<std::unique_ptr<small::Effect>> copies;
    project = host.save(*node);
    is(std::get<std::string>(project.at("job")), job);
    CHECK_INT(project.count("status"), 0);
    constexpr int together = 8;
    for (int i = 0; i < together; ++i) {
      copies.push_back(host.create(*described, kOfxImageEffectContextGenerator, 80, 40, true, &project));
    }
    const long before = emulator_count(&service, "GET", "*");
    for (int i = 0; i < together; ++i) {
      renderers.emplace_back([&, i] {
        small::Effect &copy = *copies[static_cast<std::size_t>(i)];
        if (i < 2) {
          CHECK(gives_up(host, copy, first + i, 3) < 5 * quick); // one of ten threads on whatever machine this is
          return;
        }
        // Some play, some jump.
        for (int at = 0; at < frames; ++at) {
          const int frame = i % 2 == 0 ? at : (at * 5 + i) % frames;
          check_frame(host.render(copy, first + frame, false, never), copy, first + frame);
        }
      });
    }
    for (int left = 20000; copies[7]->polls < 3; --left) {
      CHECK(left > 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    emulator_advance(&service, 4000000);
    for (std::thread &renderer : renderers) {
      renderer.join();
    }
    CHECK_INT(submits(service), 1);
    step(std::to_string(together - 2) + " render threads rendered " + std::to_string((together - 2) * frames) + " frames of one result, every pixel as the emulator drew it; " +
         std::to_string(emulator_count(&service, "GET", "*") - before) + " requests, still one submit");
    CHECK(emulator_count(&service, "GET", "*") - before < 200);

    double range[2] = {0, 0};
    CHECK(host.time_domain(*node, range) && static_cast<int>(range[0]) == first && static_cast<int>(range[1]) == first + frames - 1);
    host.press(*node, "update");
    is(text_of(*node, "status"), "12 frames are there");
    CHECK_INT(std::get<int>(node->params.at("revision")->value), 1);
    seen = host.render(*node, first + frames, false, never);
    CHECK(seen.status == kOfxStatOK && seen.image->floats.front() == 0.0F);
    auto eight_bits = host.create(*described, kOfxImageEffectContextGenerator, 64, 36, false, &project);
    seen = host.render(*eight_bits, first, true, never);
    CHECK_INT(seen.status, kOfxStatOK);
    std::vector<float> samples;
    for (const std::uint8_t byte : seen.image->bytes) {
      samples.push_back(static_cast<float>(byte) / 255.0F);
    }
    CHECK_INT(expected::wrong(samples, 64, 36, first, true), 0);
    host.destroy(std::move(eight_bits));
    step("pressed Update: \"" + text_of(*node, "status") + "\"; behind the last frame it is empty; a host with 8 bits has it clipped at white");

    for (auto &copy : copies) {
      host.destroy(std::move(copy));
    }
    host.destroy(std::move(node));
    unloaded(host, threads, "after the project was saved");
  }

  {
    small::Binary host(path, true);
    CHECK_INT(host.load(), kOfxStatOK);
    auto node = host.create(*host.describe(kOfxImageEffectContextGenerator), kOfxImageEffectContextGenerator, 64, 36, true, &project);
    check_frame(host.render(*node, first + 7, false, never), *node, first + 7);
    CHECK_INT(submits(service), 1);
    host.destroy(std::move(node));
    step("loaded once more and opened the project: frame " + std::to_string(first + 7) + " of the stored job, nothing submitted");
    unloaded(host, threads, "again");
  }

  emulator_stop(&service);

  // Another service, whose storage stops after three answers (the list, a frame, one more), and a farm that meets it.
  emulator_start(&service, "{\"archive\":{\"frames\":8,\"compression\":\"none\",\"padding\":1000000},"
                           "\"fault\":[{\"route\":\"download:exr_frames_url\",\"do\":\"stall\",\"at\":1000,\"skip\":3,\"times\":0}]}");
  environment(service, journal);
  {
    small::Binary host(path, true);
    CHECK_INT(host.load(), kOfxStatOK);
    auto node = host.create(*host.describe(kOfxImageEffectContextGenerator), kOfxImageEffectContextGenerator, 64, 36, true, nullptr);
    host.type(*node, "clip", std::string(emulator_clip()));

    // Nobody can tell whether the service got the submit.
    emulator_fault(&service, "{\"route\":\"submit\",\"do\":\"read_and_close\"}");
    host.type(*node, "once", std::string("sh020_v001"));
    host.press(*node, "generate");
    const std::string intent = text_of(*node, "job");
    is(intent.substr(0, 7), "intent:");
    host.press(*node, "generate");
    is(text_of(*node, "job"), intent);
    host.press(*node, "update");
    CHECK(text_of(*node, "status").find("look at the account") != std::string::npos);
    CHECK_INT(submits(service), 1);
    step("the answer to a submit was lost, and Generate pressed again: still one submit, \"" + text_of(*node, "status") + "\"");

    host.type(*node, "once", std::string("sh020_v002"));
    host.press(*node, "generate");
    int there = 0;
    double late = 0;
    for (; there < 8; ++there) {
      // Until something hangs for some seconds.
      GiveUp give_up{argc == 3 ? 1000 : 150};
      const small::Rendered seen = host.render(*node, 1 + there, false, [&] { return give_up(); });
      if (give_up.gave_up()) {
        late = give_up.since();
        break;
      }
      check_frame(seen, *node, 1 + there);
    }
    CHECK(there > 1 && there < 8);
    CHECK(late < quick);
    step("the storage stops in the middle: " + std::to_string(there) + " of 8 frames were rendered, the next hangs, and is given up: back after " + in_ms(late));
    host.destroy(std::move(node));
    unloaded(host, threads, "while the storage hangs");
  }
  no_misdeeds();
  step("no suite was called from a thread that is not the host's, no parameter set outside InstanceChanged, every image given back");
  emulator_stop(&service);
  std::filesystem::remove_all(scratch);
  std::free(scratch);
  return 0;
}
