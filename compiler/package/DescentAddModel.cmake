# descent_add_model(TARGET NAME MODEL FILE [TRAINER] [OPTIONS OPTION...])
#
# Compiles a model when the project is built, and again whenever the model changes. Without TRAINER, NAME is a library
# target: whoever links it may include <NAME.h> and needs libc only. With TRAINER, NAME is an executable target, built with
# the project, that trains, evaluates and predicts. Files go to NAME.model/ in the build folder. OPTIONS go to
# `descent compile` as they are.
#
#   descent_add_model(TARGET digits MODEL digits.descent OPTIONS --predict-batch 1)
#   target_link_libraries(my_program PRIVATE digits)
function(descent_add_model)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "TRAINER" "TARGET;MODEL" "OPTIONS")
  if(NOT ARG_TARGET OR NOT ARG_MODEL OR ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "descent_add_model needs TARGET and MODEL, and knows TRAINER and OPTIONS, not '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  cmake_path(ABSOLUTE_PATH ARG_MODEL OUTPUT_VARIABLE model)
  set(compile Descent::descent compile ${model} --name ${ARG_TARGET} --quiet ${ARG_OPTIONS})
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${ARG_TARGET}.model)
  file(MAKE_DIRECTORY ${folder})

  if(ARG_TRAINER)
    set(made ${folder}/${ARG_TARGET})
    add_custom_command(OUTPUT ${made} COMMAND ${compile} -o ${made}
      DEPENDS ${model} Descent::descent COMMENT "Compiling ${ARG_MODEL} to ${ARG_TARGET}" VERBATIM)
    add_custom_target(${ARG_TARGET}_compiled ALL SOURCES ${made})  # in DEPENDS its name would mean the target
    add_executable(${ARG_TARGET} IMPORTED GLOBAL)
  else()
    set(made ${folder}/lib${ARG_TARGET}.a)
    set(header ${folder}/${ARG_TARGET}.h)
    add_custom_command(OUTPUT ${made} ${header}
      COMMAND ${compile} --emit static -o ${made}
      COMMAND ${compile} --emit header -o ${header}
      DEPENDS ${model} Descent::descent COMMENT "Compiling ${ARG_MODEL} to lib${ARG_TARGET}.a" VERBATIM)
    add_custom_target(${ARG_TARGET}_compiled DEPENDS ${made} ${header})
    add_library(${ARG_TARGET} STATIC IMPORTED GLOBAL)
    set_target_properties(${ARG_TARGET} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${folder})
  endif()
  set_target_properties(${ARG_TARGET} PROPERTIES IMPORTED_LOCATION ${made})
  add_dependencies(${ARG_TARGET} ${ARG_TARGET}_compiled)
endfunction()
