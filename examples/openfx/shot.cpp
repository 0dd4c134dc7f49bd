// See shot.hpp.
#include "shot.hpp"

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <utility>

using namespace std::chrono_literals;

namespace shot {

namespace {

// How often a thread that waits asks whether it was given up.
constexpr std::chrono::milliseconds asking{20};
// Frames in memory, packed.
constexpr std::uint64_t most_held = 256u << 20;
// A frame so little ahead of the stream comes sooner with it than alone.
constexpr std::size_t ahead = 16;

} // namespace

Shot::Shot(ltx::Client client, std::string reference) : client_(std::move(client)), reference_(std::move(reference)) {}

Shot::~Shot() {
  if (waiting_) {
    waiting_->cancel();
  }
  if (opening_) {
    opening_->cancel();
  }
  if (stream_) {
    stream_->cancel();
  }
}

// One step after the other, as far as it goes without waiting. With the lock held.
void Shot::move_on() {
  if (failure_ || frames_) {
    return;
  }
  try {
    if (!job_) {
      job_ = client_.job(reference_);
    }
    if (!result_) {
      if (!waiting_) {
        waiting_ = job_->wait_start();
      }
      if (!waiting_->wait(0ms)) {
        return;
      }
      result_ = waiting_->get();
      waiting_.reset();
    }
    if (!opening_) {
      ltx::FramesOptions options;
      options.spool = std::filesystem::temp_directory_path(); // used only where the storage has no ranges
      opening_ = result_->try_frames(options).value();
    }
    if (!opening_->wait(0ms)) {
      return;
    }
    frames_ = opening_->get();
    opening_.reset();
  } catch (const ltx::Error &error) {
    failure_ = error;
    waiting_.reset();
    opening_.reset();
  }
}

State Shot::look() {
  const std::lock_guard<std::mutex> lock(mutex_);
  move_on();
  if (failure_) {
    return {State::Stage::failed, failure_->message(), 0};
  }
  if (frames_) {
    return {State::Stage::ready, std::to_string(frames_->size()) + " frames are there", frames_->size()};
  }
  if (result_) {
    return {State::Stage::opening, "done, opening its frames", 0};
  }
  std::string text = "generating";
  if (waiting_) {
    const ltx::Progress now = waiting_->snapshot();
    if (!now.status.empty()) {
      text += " (" + now.status + ")";
    }
    if (now.unreachable) {
      text += ", the service cannot be reached";
    }
  }
  return {State::Stage::waiting, text, 0};
}

void Shot::retry() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (failure_ && failure_->is_retryable()) {
    failure_.reset();
  }
}

// Every waiting thread has a handle of its own to what all wait for: one that is given up leaves, and the others wait on.
const ltx::Frames *Shot::open(const Stopped &stopped) {
  for (;;) {
    std::optional<ltx::Operation<ltx::Result>> job_ends;
    std::optional<ltx::Operation<ltx::Frames>> opened;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      move_on();
      if (failure_) {
        throw *failure_;
      }
      if (frames_) {
        return &*frames_; // stays as long as the shot
      }
      if (waiting_) {
        job_ends = waiting_->share();
      } else if (opening_) {
        opened = opening_->share();
      }
    }
    // What it ended with, an error too, is the next step's.
    const ltx::expected<bool> ended = job_ends ? job_ends->try_wait_until(stopped, asking) : opened->try_wait_until(stopped, asking);
    if (ended && !*ended) {
      return nullptr;
    }
  }
}

Bytes Shot::frame(std::size_t index, const Stopped &stopped) {
  const ltx::Frames *frames = open(stopped);
  if (frames == nullptr) {
    return nullptr;
  }
  if (index >= frames->size()) {
    throw std::out_of_range("the shot has no frame " + std::to_string(index));
  }
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    if (Bytes bytes = held(index)) {
      return bytes;
    }
    lock.unlock();
    if (stopped()) {
      return nullptr;
    }
    lock.lock();
    if (in_stream(index)) {
      if (pulling_) {
        changed_.wait_for(lock, asking);
      } else {
        pull(lock);
      }
    } else if (reading_.count(index) != 0) {
      changed_.wait_for(lock, asking);
    } else if (index != 0 && index == after_last_read_ && !pulling_) {
      // The second of two in a row: somebody plays it. (Two who play different parts take turns with the one stream, and read single frames in between.)
      ltx::StreamOptions options;
      options.from = index;
      stream_ = frames->stream(options);
      next_in_stream_ = index;
    } else {
      read(*frames, index, stopped, lock);
    }
  }
}

bool Shot::in_stream(std::size_t index) const noexcept { return stream_ && index >= next_in_stream_ && index < next_in_stream_ + ahead; }

// Takes the next frame from the stream, whoever needs it. A moment at most: then the caller asks whether it was given up.
void Shot::pull(std::unique_lock<std::mutex> &lock) {
  pulling_ = true;
  ltx::FrameStream stream = stream_->share();
  lock.unlock();
  ltx::expected<std::optional<ltx::Frame>> frame = stream.try_next(asking);
  lock.lock();
  pulling_ = false;
  if (frame && *frame) {
    next_in_stream_ = (*frame)->index + 1;
    keep((*frame)->index, std::move((*frame)->bytes));
  } else if (!frame || stream.ended()) {
    // What went wrong may be about another frame than the caller's, so each reads his own and is told by that.
    stream_.reset();
    after_last_read_ = 0;
  }
  changed_.notify_all();
}

void Shot::read(const ltx::Frames &frames, std::size_t index, const Stopped &stopped, std::unique_lock<std::mutex> &lock) {
  reading_.insert(index);
  lock.unlock();
  std::optional<ltx::Buffer> bytes;
  std::optional<ltx::Error> failure;
  try {
    ltx::Operation<ltx::Buffer> reading = frames.read(index);
    if (reading.wait_until(stopped, asking)) {
      bytes = reading.get();
    } else {
      reading.cancel(); // nobody else waits for this one: they look for the frame, and read it themselves
    }
  } catch (const ltx::Error &error) {
    failure = error;
  }
  lock.lock();
  reading_.erase(index);
  if (bytes) {
    keep(index, *std::move(bytes));
    after_last_read_ = index + 1;
  }
  changed_.notify_all();
  if (failure) {
    throw *failure;
  }
}

Bytes Shot::held(std::size_t index) {
  const auto found = held_.find(index);
  if (found == held_.end()) {
    return nullptr;
  }
  found->second.used = ++uses_;
  return found->second.bytes;
}

void Shot::keep(std::size_t index, ltx::Buffer bytes) {
  held_bytes_ += bytes.size();
  held_[index] = Held{std::make_shared<const ltx::Buffer>(std::move(bytes)), ++uses_};
  while (held_bytes_ > most_held && held_.size() > 1) {
    auto oldest = held_.begin();
    for (auto at = held_.begin(); at != held_.end(); ++at) {
      if (at->second.used < oldest->second.used) {
        oldest = at;
      }
    }
    held_bytes_ -= oldest->second.bytes->size();
    held_.erase(oldest);
  }
}

void Shot::purge() {
  const std::lock_guard<std::mutex> lock(mutex_);
  held_.clear();
  held_bytes_ = 0;
}

std::optional<Size> Shot::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return size_;
}

void Shot::seen(Size size) {
  const std::lock_guard<std::mutex> lock(mutex_);
  size_ = size;
}

} // namespace shot
