#include <fcntl.h>

#include <exception>
#include <iostream>

#include "tools/base/program.h"

namespace {

// The next file or socket that is opened would take the number of a standard stream that is closed,
// and what is printed would go there. One that is opened the wrong way round fails instead.
void hold_standard_streams() {
  for (const int stream : {0, 1, 2}) {
    if (::fcntl(stream, F_GETFD) < 0) (void)::open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

// What the system refuses this process (file descriptors, threads, memory) comes as an exception
// from libraries that know no other way: it ends in a message, not in an abort.
int main(int argc, char** argv) {
  hold_standard_streams();
  try {
    return strandline::tools::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "strandline: " << error.what() << '\n';
    return strandline::tools::kFailed;
  }
}
