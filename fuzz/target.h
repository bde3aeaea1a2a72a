// A fuzz target: a function that takes any bytes whatever, and aborts (CHECK) where what it holds
// to be true of them is not. A crash, a sanitizer's finding and a CHECK are all findings.
//
// Each file of this room but the few that say otherwise is one target. It is compiled twice: by
// clang with libFuzzer into a program of its own (main.cc, `./dev fuzz`), and by g++ into the
// tests, which run every target over its corpus (tests/fuzz_test.cc). *Rules*: a target is a
// function of its bytes alone, keeps nothing between calls, and allocates within its input's size,
// times a constant.
#pragma once

#include <span>
#include <string_view>

namespace strandline::fuzz {

struct Target {
  const char* name;  // of its folder in fuzz/corpus/ as well
  void (*run)(std::string_view bytes);
};

// Those that are linked into this program.
std::span<const Target> targets();

struct Registration {
  explicit Registration(Target target);
};

}  // namespace strandline::fuzz

// FUZZ_TARGET(name) { ... } defines and registers one; its bytes are called `bytes`.
#define FUZZ_TARGET(name)                                                               \
  static void run_##name(std::string_view bytes);                                       \
  static const ::strandline::fuzz::Registration registered_##name({#name, run_##name}); \
  static void run_##name(std::string_view bytes)
