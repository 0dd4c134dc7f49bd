// The action Render: never submits, waits only where nobody is watching, and stops when the host says so.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "picture.hpp"
#include "plugin.hpp"

namespace plugin {

namespace {

/** The host's image, for as long as it lives. */
class Output {
public:
  Output(const host::Suites &suites, OfxImageEffectHandle effect, OfxTime time) : suite_(suites.effect) {
    OfxImageClipHandle clip = nullptr;
    if (suite_->clipGetHandle(effect, kOfxImageEffectOutputClipName, &clip, nullptr) == kOfxStatOK) {
      suite_->clipGetImage(clip, time, nullptr, &image_);
    }
  }
  ~Output() {
    if (image_ != nullptr) {
      suite_->clipReleaseImage(image_);
    }
  }
  Output(const Output &) = delete;
  Output &operator=(const Output &) = delete;
  OfxPropertySetHandle image() const noexcept { return image_; }

private:
  const OfxImageEffectSuiteV1 *suite_;
  OfxPropertySetHandle image_ = nullptr;
};

struct Window {
  int x1, y1, x2, y2;
};

Window rectangle(const host::Properties &from, const char *name) {
  return {from.integer(name, 0, 0), from.integer(name, 0, 1), from.integer(name, 0, 2), from.integer(name, 0, 3)};
}

template <class T> T sample(float value) {
  if constexpr (std::is_floating_point_v<T>) {
    return value;
  } else {
    constexpr float white = static_cast<float>(std::numeric_limits<T>::max());
    // Not a number compares false and becomes black.
    const float kept = value > 0 ? std::min(value, 1.0F) : 0.0F;
    return static_cast<T>(std::lround(kept * white));
  }
}

// The host's rows go up, those of the file down; a picture smaller than the window is transparent around. `picture` may be none.
template <class T> void fill(const host::Properties &image, Window window, const shot::Picture *picture, double scale_x, double scale_y) {
  const Window bounds = rectangle(image, kOfxImagePropBounds);
  char *const data = static_cast<char *>(image.pointer(kOfxImagePropData));
  const std::ptrdiff_t line = image.integer(kOfxImagePropRowBytes, 0);
  for (int y = std::max(window.y1, bounds.y1); y < std::min(window.y2, bounds.y2); ++y) {
    T *to = reinterpret_cast<T *>(data + (y - bounds.y1) * line) + (std::ptrdiff_t{std::max(window.x1, bounds.x1)} - bounds.x1) * 4;
    const int row = static_cast<int>(std::floor((y + 0.5) / scale_y));
    const bool inside = picture != nullptr && row >= 0 && row < picture->height;
    const float *from = inside ? picture->row(picture->height - 1 - row) : nullptr;
    for (int x = std::max(window.x1, bounds.x1); x < std::min(window.x2, bounds.x2); ++x, to += 4) {
      const int column = static_cast<int>(std::floor((x + 0.5) / scale_x));
      for (int channel = 0; channel < 4; ++channel) {
        to[channel] = inside && column >= 0 && column < picture->width ? sample<T>(from[column * 4 + channel]) : T{0};
      }
    }
  }
}

OfxStatus fill(const host::Suites &suites, OfxPropertySetHandle handle, const host::Properties &in, const shot::Picture *picture) {
  const host::Properties image(suites, handle);
  const Window window = rectangle(in, kOfxImageEffectPropRenderWindow);
  const double scale_x = in.number(kOfxImageEffectPropRenderScale, 1, 0), scale_y = in.number(kOfxImageEffectPropRenderScale, 1, 1);
  if (image.pointer(kOfxImagePropData) == nullptr || !(scale_x > 0) || !(scale_y > 0) ||
      image.text(kOfxImageEffectPropComponents) != kOfxImageComponentRGBA) {
    return kOfxStatErrImageFormat;
  }
  const std::string depth = image.text(kOfxImageEffectPropPixelDepth);
  if (depth == kOfxBitDepthFloat) {
    fill<float>(image, window, picture, scale_x, scale_y);
  } else if (depth == kOfxBitDepthShort) {
    fill<std::uint16_t>(image, window, picture, scale_x, scale_y);
  } else if (depth == kOfxBitDepthByte) {
    fill<std::uint8_t>(image, window, picture, scale_x, scale_y);
  } else {
    return kOfxStatErrImageFormat;
  }
  return kOfxStatOK;
}

} // namespace

OfxStatus render(const Plugin &plugin, Instance &instance, OfxPropertySetHandle in_handle) {
  const host::Suites &suites = plugin.suites();
  const host::Properties in(suites, in_handle);
  const OfxTime time = in.number(kOfxPropTime, 0);
  const bool watched = in.integer(kOfxImageEffectPropInteractiveRenderStatus, suites.background ? 0 : 1) != 0;
  const auto stopped = [&] { return suites.effect->abort(instance.effect()) != 0; };

  const Output output(suites, instance.effect(), time);
  if (output.image() == nullptr) {
    return stopped() ? kOfxStatOK : kOfxStatFailed;
  }
  try {
    const std::shared_ptr<shot::Shot> shot = instance.current();
    if (!shot) {
      host::show(suites, instance.effect(), watched ? kOfxMessageMessage : kOfxMessageError, "Nothing was generated yet: press Generate.");
      return watched ? fill(suites, output.image(), in, nullptr) : kOfxStatFailed;
    }
    if (watched) {
      // Somebody looks: what is there is shown at once, and minutes are waited for elsewhere.
      const shot::State state = shot->look();
      if (state.stage != shot::State::Stage::ready) {
        const bool failed = state.stage == shot::State::Stage::failed;
        host::show(suites, instance.effect(), failed ? kOfxMessageError : kOfxMessageMessage, state.text);
        return failed ? kOfxStatFailed : fill(suites, output.image(), in, nullptr);
      }
    }
    const double at = std::floor(time + 0.5) - instance.params().integer(param::first_frame, 1);
    shot::Bytes bytes;
    bool outside = at < 0;
    try {
      bytes = outside ? nullptr : shot->frame(static_cast<std::size_t>(at), stopped);
    } catch (const std::out_of_range &) {
      outside = true;
    }
    if (outside) {
      return fill(suites, output.image(), in, nullptr);
    }
    if (!bytes) {
      return kOfxStatOK; // the host gave up on this one, and throws away what is in the image
    }
    const shot::Picture picture = shot::decode(bytes->data(), bytes->size());
    shot->seen({picture.width, picture.height});
    host::clear(suites, instance.effect());
    return fill(suites, output.image(), in, &picture);
  } catch (const std::exception &error) {
    host::show(suites, instance.effect(), kOfxMessageError, error.what());
    return kOfxStatFailed;
  }
}

} // namespace plugin
