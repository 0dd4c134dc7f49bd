// See picture.hpp.
#include "picture.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include <ImathBox.h>
#include <ImfArray.h>
#include <ImfChannelList.h>
#include <ImfFrameBuffer.h>
#include <ImfHeader.h>
#include <ImfIO.h>
#include <ImfInputFile.h>

namespace shot {

namespace {

// The library reads from files or from what looks like one.
class Memory : public Imf::IStream {
public:
  Memory(const std::uint8_t *data, std::size_t size) : Imf::IStream("frame"), data_(data), size_(size) {}
  bool read(char to[], int count) override {
    if (count < 0 || size_ - at_ < static_cast<std::size_t>(count)) {
      throw std::runtime_error("the file ends too early");
    }
    std::memcpy(to, data_ + at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::size_t>(count);
    return at_ < size_;
  }
  std::uint64_t tellg() override { return at_; }
  void seekg(std::uint64_t to) override { at_ = static_cast<std::size_t>(std::min<std::uint64_t>(to, size_)); }

private:
  const std::uint8_t *data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

// A host asks for nothing larger, and a damaged header shall not ask for all memory.
constexpr int most = 32768;

} // namespace

Picture decode(const std::uint8_t *data, std::size_t size) {
  Memory memory(data, size);
  Imf::InputFile file(memory, 0); // no threads of the library's: render threads are there already
  const Imath::Box2i shown = file.header().displayWindow(), there = file.header().dataWindow();
  const int width = shown.max.x - shown.min.x + 1, height = shown.max.y - shown.min.y + 1;
  const int columns = there.max.x - there.min.x + 1, rows = there.max.y - there.min.y + 1;
  if (width < 1 || height < 1 || columns < 1 || rows < 1 || width > most || height > most || columns > most || rows > most) {
    throw std::runtime_error("a frame of " + std::to_string(width) + " x " + std::to_string(height) + " pixels");
  }
  if (file.header().channels().findChannel("R") == nullptr) {
    throw std::runtime_error("a frame without a channel R");
  }
  std::vector<float> pixels(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows) * 4);
  Imf::FrameBuffer into;
  const char *const channels[] = {"R", "G", "B", "A"};
  const std::size_t pixel = 4 * sizeof(float), line = pixel * static_cast<std::size_t>(columns);
  for (int channel = 0; channel < 4; ++channel) {
    // The library addresses pixels by their coordinates, which need not begin at zero.
    char *first = reinterpret_cast<char *>(pixels.data() + channel);
    char *origin = first - there.min.x * static_cast<std::ptrdiff_t>(pixel) - there.min.y * static_cast<std::ptrdiff_t>(line);
    into.insert(channels[channel], Imf::Slice(Imf::FLOAT, origin, pixel, line, 1, 1, channel == 3 ? 1.0 : 0.0));
  }
  file.setFrameBuffer(into);
  file.readPixels(there.min.y, there.max.y);

  if (shown == there) {
    return {width, height, std::move(pixels)};
  }
  // What the file does not have is black and transparent.
  Picture picture{width, height, std::vector<float>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4)};
  const int left = std::max(shown.min.x, there.min.x), right = std::min(shown.max.x, there.max.x);
  for (int y = std::max(shown.min.y, there.min.y); y <= std::min(shown.max.y, there.max.y) && left <= right; ++y) {
    const std::size_t from = (static_cast<std::size_t>(y - there.min.y) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(left - there.min.x)) * 4;
    const std::size_t to = (static_cast<std::size_t>(y - shown.min.y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(left - shown.min.x)) * 4;
    std::copy_n(pixels.begin() + static_cast<std::ptrdiff_t>(from), static_cast<std::size_t>(right - left + 1) * 4,
                picture.rgba.begin() + static_cast<std::ptrdiff_t>(to));
  }
  return picture;
}

} // namespace shot
