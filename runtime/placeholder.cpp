#include "runtime/abi.h"
