#include "engine/store/store_crc32c.h"

#include <cstddef>
#include <cstdint>

#include "engine/base/crc32c.h"

namespace rocksdb::crc32c {

// As RocksDB declares it, in a header that it does not install (util/crc32c.h, 7.8.3).
__attribute__((visibility("default"))) uint32_t Extend(uint32_t crc, const char* data, size_t n) {
  return strandline::crc32c({data, n}, crc);
}

}  // namespace rocksdb::crc32c

namespace strandline {

void lend_crc32c() {}

}  // namespace strandline
