#include "compiler/kernel/program.h"
