#include "tools/program.h"

int main(int argc, char** argv) { return strandline::tools::run(argc, argv); }
