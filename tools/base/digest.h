// A running SHA-256: of everything so far, at any moment, and then of more. *Threads*: one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace strandline::tools {

class Digest {
 public:
  Digest();
  Digest(const Digest& other);
  Digest(Digest&&) noexcept = default;
  Digest& operator=(Digest other) noexcept;
  void update(std::string_view bytes);
  std::string hex() const;  // 64 digits

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Of these bytes alone.
std::string digest_of(std::string_view bytes);

}  // namespace strandline::tools
