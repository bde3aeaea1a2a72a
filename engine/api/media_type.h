// What a content type says (RFC 9110, section 8.3; of an event, its datacontenttype).
#pragma once

#include <string>
#include <string_view>

namespace strandline {

// "Text/HTML; charset=x" is "text/html", in the charset "x".
class MediaType {
 public:
  explicit MediaType(std::string_view text);

  const std::string& essence() const { return essence_; }
  bool is(std::string_view essence) const { return essence_ == essence; }
  bool is_json() const {
    return is("application/json") || is("text/json") || essence_.ends_with("+json");
  }
  bool is_text() const { return essence_.starts_with("text/"); }

  // In lower case; empty where none is named.
  const std::string& charset() const { return charset_; }
  // Whether the charset that is named, if any, is UTF-8 or the part of it that is ASCII.
  bool is_utf8() const;

 private:
  std::string essence_;
  std::string charset_;
};

// The same for every spelling of the same type: names in lower case, parameters sorted by name and
// their values without quotes, a charset in lower case.
std::string canonical_media_type(std::string_view text);

}  // namespace strandline
