// What the access family holds: a record for each API key, under its name.
//
//   1, name -> the key
//
// FORMAT.md has the grammar and a worked example.
#pragma once

#include <string>
#include <string_view>

#include "engine/api/access.h"

namespace strandline {

enum class AccessKey : char { api_key = 1 };

std::string access_key(std::string_view name);
// False where it is no such key.
bool decode_access_key(std::string_view key, std::string_view& name);

// Without the name, which its key has.
std::string encode(const ApiKey& key);
bool decode(std::string_view bytes, ApiKey& key);

}  // namespace strandline
