#include <exception>
#include <iostream>

#include "tools/program.h"

// What the system refuses this process (file descriptors, threads, memory) comes as an exception
// from libraries that know no other way: it ends in a message, not in an abort.
int main(int argc, char** argv) {
  try {
    return strandline::tools::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "strandline: " << error.what() << '\n';
    return strandline::tools::kFailed;
  }
}
