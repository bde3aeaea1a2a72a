// CHECK: an invariant of the program, held in release builds too. It prints both values and aborts.
// Never for input: what comes from outside gets an Error.
#pragma once

#include <cstdlib>
#include <iostream>

#define STRANDLINE_CHECK(a, op, b)                                                          \
  do {                                                                                      \
    const auto& check_a = (a);                                                              \
    const auto& check_b = (b);                                                              \
    if (!(check_a op check_b)) [[unlikely]] {                                               \
      std::cerr << __FILE__ << ':' << __LINE__ << ": CHECK failed: " #a " " #op " " #b " (" \
                << check_a << " against " << check_b << ")\n";                              \
      std::abort();                                                                         \
    }                                                                                       \
  } while (false)

#define CHECK_EQ(a, b) STRANDLINE_CHECK(a, ==, b)
#define CHECK_LE(a, b) STRANDLINE_CHECK(a, <=, b)
#define CHECK_LT(a, b) STRANDLINE_CHECK(a, <, b)
#define CHECK_GE(a, b) STRANDLINE_CHECK(a, >=, b)
#define CHECK_TRUE(a) STRANDLINE_CHECK(static_cast<bool>(a), ==, true)
