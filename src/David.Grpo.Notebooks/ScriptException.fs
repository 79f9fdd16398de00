namespace David.Grpo.Notebooks

/// A script or a cell that cannot be compiled, or one that threw; the message names file, line and fault.
exception ScriptException of message: string with
    override this.Message = this.message
