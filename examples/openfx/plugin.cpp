// See plugin.hpp.
#include "plugin.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

using namespace std::chrono_literals;

namespace plugin {

Plugin::~Plugin() {
  shots_.clear();
  if (client_) {
    // The host waits for us; what still hangs in the operating system after two seconds is left behind, and harms nobody.
    const auto closed = client_->try_close(2s);
    static_cast<void>(closed);
  }
}

ltx::Client Plugin::client() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!client_) {
    client_ = ltx::Client::from_environment();
  }
  return client_->share();
}

std::shared_ptr<shot::Shot> Plugin::shot(const std::string &reference) {
  ltx::Client with = client();
  const std::lock_guard<std::mutex> lock(mutex_);
  std::weak_ptr<shot::Shot> &known = shots_[reference];
  std::shared_ptr<shot::Shot> found = known.lock();
  if (!found) {
    found = std::make_shared<shot::Shot>(std::move(with), reference);
    known = found;
  }
  return found;
}

void Instance::generate() {
  const host::Params values = params();
  const std::string clip = values.text(param::clip), before = values.text(param::job);
  if (clip.empty()) {
    values.set(param::status, "Choose a clip first.");
    return;
  }
  std::optional<ltx::Operation<ltx::Job>> submit;
  try {
    ltx::Request request("video-to-video-hdr");
    const int chosen = std::clamp(values.integer(param::colorspace, 0), 0, static_cast<int>(std::size(colorspaces)) - 1);
    request.media_file("video_uri", clip).set("output_colorspace", colorspaces[chosen]);
    if (const std::string key = values.text(param::once); !key.empty()) {
      request.once(key); // pressed twice, also after a crash: the same job
    }
    if (const std::string limit = values.text(param::max_cost); !limit.empty()) {
      request.max_cost(limit);
    }
    submit = plugin_.client().submit_start(request);
    // Into the project before anything is sent: should the host die now, the journal knows what became of it.
    values.set(param::job, submit->reference().value_or(before));

    const host::Bar bar(plugin_.suites(), effect_, "Sending the clip");
    const bool sent = submit->wait_until(
        [&] {
          const ltx::Progress now = submit->snapshot();
          const double total = static_cast<double>(now.bytes_total.value_or(0));
          return !bar.update(total > 0 ? std::min(1.0, static_cast<double>(now.bytes_done) / total) : 0);
        },
        50ms);
    if (!sent) {
      submit->cancel();
    }
    const std::string job = submit->get().reference();
    values.set(param::job, job);
    values.set(param::status, "Accepted as " + job + ". Press Update to see how it stands.");
  } catch (const ltx::Error &error) {
    // Where a job may exist, the project keeps what it is found by, which may be an earlier submit with this once key; it is never submitted again by us.
    const bool nothing = error.billing() == ltx::Billing::no_job || error.billing() == ltx::Billing::not_billed;
    values.set(param::job, nothing ? before : error.job_ref().value_or(submit ? submit->reference().value_or(before) : before));
    values.set(param::status, error.message());
  }
}

void Instance::update() {
  const host::Params values = params();
  const std::shared_ptr<shot::Shot> shot = current();
  if (!shot) {
    values.set(param::status, "Nothing was generated yet.");
    return;
  }
  shot->retry();
  values.set(param::status, shot->look().text);
  values.set(param::revision, values.integer(param::revision, 0) + 1);
}

std::shared_ptr<shot::Shot> Instance::current() {
  const std::string reference = params().text(param::job);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (reference.empty()) {
    shot_.reset();
  } else if (!shot_ || shot_->reference() != reference) {
    shot_ = plugin_.shot(reference);
  }
  return shot_;
}

std::shared_ptr<shot::Shot> Instance::known() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return shot_;
}

void Instance::purge() {
  if (const std::shared_ptr<shot::Shot> shot = known()) {
    shot->purge();
  }
}

} // namespace plugin
