// The same program through the C++ layer.
#include <iostream>

#include <ltx_jobs.hpp>

int main() {
  try {
    ltx::Config config;
    config.set("api_key", "some-key").set("base_url", "http://127.0.0.1:1");
    const ltx::Client client(config);
    client.check();
  } catch (const ltx::Error &error) {
    if (error.status() == LTX_CONNECT) {
      std::cout << ltx_build_info() << '\n';
      return 0;
    }
    std::cerr << error.what() << '\n';
  }
  return 1;
}
