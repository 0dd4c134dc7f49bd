// What the frames of the emulator show, pixel by pixel, written down once more and apart from everything that read them: a marker and the frame's number in
// block digits across the middle, over gradients whose red and green are the same for every job.
#ifndef LTX_TESTS_OPENFX_EXPECTED_HPP
#define LTX_TESTS_OPENFX_EXPECTED_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace expected {

/** The picture that the emulator draws by default. */
constexpr int width = 64, height = 36;

/**
 * How many of the samples of an RGBA image, rows from below, are not those of frame `number`. Blue of the background is the job's own, and not looked at.
 * `eight_bits`: the samples came through bytes, which hold nothing above one.
 */
inline int wrong(const std::vector<float> &image, int image_width, int image_height, int number, bool eight_bits = false) {
  constexpr int scale = 3, rows = 5 * scale, top = (height - rows) / 2, left = (width - 19 * scale) / 2;
  constexpr unsigned font[10][5] = {{7, 5, 5, 5, 7}, {2, 6, 2, 2, 7}, {7, 1, 7, 4, 7}, {7, 1, 7, 1, 7}, {5, 5, 7, 1, 1},
                                    {7, 4, 7, 1, 7}, {7, 4, 7, 5, 7}, {7, 1, 1, 1, 1}, {7, 5, 7, 5, 7}, {7, 5, 7, 1, 7}};
  const auto near = [&](float seen, double wanted) {
    wanted = eight_bits ? std::min(wanted, 1.0) : wanted;
    // Halfs have eleven bits.
    const double most = wanted / 1024 + (eight_bits ? 0.51 / 255 : 1e-4);
    return std::abs(static_cast<double>(seen) - wanted) < most;
  };
  int count = 0;
  for (int y = 0; y < image_height; ++y) {
    for (int x = 0; x < image_width; ++x) {
      const float *seen = image.data() + 4 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image_width) + static_cast<std::size_t>(x));
      const int row = height - 1 - y; // from the top, in the file
      if (row < 0 || x >= width) {
        for (int channel = 0; channel < 4; ++channel) {
          count += seen[channel] != 0.0F;
        }
        continue;
      }
      double red, green, blue = -1;
      if (row >= top && row < top + rows) {
        const int column = x - left;
        const int place = column < 0 ? 99 : column / scale / 4, within = column < 0 ? 3 : column / scale % 4;
        int rest = number;
        for (int i = place; i < 4; ++i) {
          rest /= 10;
        }
        const bool lit = place < 5 && within < 3 && (font[rest % 10][(row - top) / scale] & (4u >> within)) != 0;
        red = lit ? 4.0 : 0.02;
        green = lit ? 4.0 : 0.01;
        blue = lit ? 4.0 : 0.02 + 0.01 * (number % 7);
        if (row == top && x == 0) {
          red = number % 2048;
          green = number / 2048;
          blue = 0;
        }
      } else {
        const double u = static_cast<double>(x) / width, v = static_cast<double>(row) / height;
        const double bright = u > 0.875 ? 6.0 + 10.0 * v : 1.0;
        red = u * bright;
        green = v * bright;
      }
      count += !near(seen[0], red);
      count += !near(seen[1], green);
      count += blue >= 0 && !near(seen[2], blue);
      count += seen[3] != 1.0F;
    }
  }
  return count;
}

} // namespace expected

#endif
