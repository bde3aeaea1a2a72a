// SIGINT and SIGTERM, as a flag to look at and a file descriptor to wait on, so that a command ends
// in order: what it has read is committed, what it has written is flushed. A second signal ends the
// process as if nobody had asked for the first. *Threads*: any.
#pragma once

namespace strandline::tools {

class Interrupt {
 public:
  static void watch();  // from here on
  // The end of whoever reads standard output ends a command as well, also while there is nothing to
  // print: it is raised by a thread that waits for that, and SIGPIPE is ignored from here on.
  static void watch_output();
  static bool output_gone();  // whoever read it has ended; false where nobody watches that
  static bool raised();
  static int descriptor();  // readable once raised; -1 where nobody watches
  static void wait();       // until raised
  // The signal has been heard: what remains to be done in order may wait again. A second signal
  // still ends the process.
  static void lower();
};

}  // namespace strandline::tools
