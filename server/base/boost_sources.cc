// The bodies of Asio and Beast, compiled here and nowhere else (see CMakeLists.txt).
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
