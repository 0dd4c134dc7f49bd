// An EXR file in memory as pixels, with the OpenEXR library.
#ifndef LTX_EXAMPLES_OPENFX_PICTURE_HPP
#define LTX_EXAMPLES_OPENFX_PICTURE_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

namespace shot {

/** The display window of a frame: rows from the top, each pixel R, G, B, A in floats, as they are in the file (scene-linear, not clamped). */
struct Picture {
  int width;
  int height;
  std::vector<float> rgba;

  const float *row(int from_top) const noexcept { return rgba.data() + static_cast<std::size_t>(from_top) * static_cast<std::size_t>(width) * 4; }
};

/** Throws std::runtime_error when it is no picture that can be shown. */
Picture decode(const std::uint8_t *data, std::size_t size);

} // namespace shot

#endif
