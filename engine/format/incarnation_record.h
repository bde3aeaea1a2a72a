// Where an incarnation of the log began (engine/api/incarnation.h): in the access family, beside
// the keys, because it is one of the few records that are about the log as a whole.
//
//   2, number (u32 BE, from 1) -> version 1, then fields (tagged.h): 1 id (16 bytes), 3 first
//   sequence (u64 LE), 2 time in microseconds (i64 LE), 4 the backup's number (u64 LE)
//
// The first incarnation has none: its id is that of RocksDB's database. FORMAT.md has a worked
// example.
#pragma once

#include <string>
#include <string_view>

#include "engine/api/incarnation.h"

namespace strandline {

std::string incarnation_key(uint32_t number);
// False where it is no such key.
bool decode_incarnation_key(std::string_view key, uint32_t& number);
std::string encode(const Incarnation& incarnation);
bool decode(std::string_view bytes, Incarnation& incarnation);

// 32 hexadecimal digits of 16 random bytes.
std::string new_incarnation_id();
// The id of the first: the digits in the text by which RocksDB knows its database.
std::string first_incarnation_id(std::string_view database_identity);

}  // namespace strandline
