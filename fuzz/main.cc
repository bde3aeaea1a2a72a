// What libFuzzer calls, in a program that has one target. (libFuzzer brings the main function.)
#include <cstddef>
#include <cstdint>

#include "engine/base/check.h"
#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto targets = strandline::fuzz::targets();
  CHECK_EQ(targets.size(), 1u);
  targets.front().run({reinterpret_cast<const char*>(data), size});
  return 0;
}
