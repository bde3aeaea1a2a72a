// Secrets: made at random, known by their digests, compared in constant time.
//
// A secret is 256 random bits, so that a plain SHA-256 of it is enough: nobody guesses it, and no
// table has it. *Errors*: a system without randomness ends the program. *Threads*: any.
#pragma once

#include <string>
#include <string_view>

namespace strandline::server {

// "strd_" and 64 hexadecimal digits. Scanners for leaked secrets know it by its beginning.
std::string new_secret();
// SHA-256: 32 bytes.
std::string digest_of_secret(std::string_view secret);
// HMAC-SHA-256: 32 bytes.
std::string authentication_code(std::string_view key, std::string_view message);
// In a time that says nothing about where they differ.
bool are_same_bytes(std::string_view a, std::string_view b);

}  // namespace strandline::server
