// Lends RocksDB this project's CRC-32C (crc32c.h).
//
// Debian's RocksDB is built for every x86-64, and so computes the checksum of each WAL record from
// tables, at 1 byte a cycle: two fifths of the writer's time. Its function is exported, so a
// definition in the program takes its place, for RocksDB's own calls too. Same polynomial (RFC
// 3720, appendix B.4), same values. Should a later RocksDB call it otherwise, ours is never called
// and nothing else changes.
#pragma once

namespace strandline {

// Names the definition, so that the linker keeps it.
void lend_crc32c();

}  // namespace strandline
